// Pointwise layers by AMX: products of tiles of bfloat16, three for one of float32
// (kernels/bf16.hpp).
//
//   gw[o][c] = sum over pixels p of gy[o][p] * x[c][p]
//
// Of the two maps, the one with fewer channels is turned: its channels are the rows of tiles, those
// of the other one the columns. A task has a range of each for a chunk of the pixels. Of 256 pixels
// at a time (a segment) it splits both, 32 pixels a step, into pairs of pixels,
//
//   rows     pair of blocks: | step: 32 cells | ..                          cell[row][pixel]
//   columns  pair of blocks: | step: high c0, high c1, low c0, low c1 | ..  tile[pair][column]
//
// and multiplies pairs of blocks by pairs of blocks over its steps, on to the sums of the segments
// before. They are added up over the chunks, if there are several. Only where there is AMX: unlike
// packed weights, nothing of this is read on another machine.
#include "conv_weight/kernels/chunks.hpp"
#include "conv_weight/shape.hpp"
#include "kernels/tile_products.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kStepPixels = 32, kSegmentSteps = 8;
constexpr int64_t kPairChannels = 32;           // of two blocks
constexpr int64_t kStepWords = 4 * kTileWords;  // of a pair
constexpr int64_t kPairWords = kSegmentSteps * kStepWords;
constexpr int64_t kSumWords = 4 * kTileWords;        // of a pair by a pair
constexpr int64_t kMostRows = 8, kMostColumns = 16;  // pairs of a task: 1.3 MB with their segments
constexpr int64_t kLeastFewer = 64, kLeastMore = 128;  // channels, below which splitting costs more
constexpr int64_t kLeastSegments = 4;                  // of a chunk

bool fits([[maybe_unused]] const ConvWeightShape& s) {
#ifdef STRIATE_AMX
  for (int i = 0; i < 3; ++i) {
    if (s.kernel[i] > 1 || s.stride[i] > 1 || s.padding[i] != 0 || s.in[i] != s.out[i]) {
      return false;
    }
  }
  const int64_t fewer = least(s.in_channels, s.out_channels);
  const int64_t more = most(s.in_channels, s.out_channels);
  return striate_amx() && !s.plain_input && s.groups == 1 && fewer >= kLeastFewer &&
         more >= kLeastMore && s.batch * s.in_pixels() >= kStepPixels;
#else
  return false;
#endif
}

#ifdef STRIATE_AMX
struct Plan {
  bool turned;            // x is the rows, gy the columns
  int64_t rows, columns;  // pairs of blocks
  int64_t row_ranges, column_ranges;
  int64_t segments, chunks;
  int64_t part_rows, part_columns;  // of the largest part
  int64_t part_floats;              // its sums, those of gy behind them

  int64_t parts() const { return row_ranges * column_ranges; }
};

Plan plan_of(const ConvWeightShape& s) {
  Plan p;
  const int64_t outputs = ceil_div(s.out_channels, kPairChannels);
  const int64_t channels = ceil_div(s.in_channels, kPairChannels);
  p.turned = channels < outputs;
  p.rows = p.turned ? channels : outputs;
  p.columns = p.turned ? outputs : channels;
  p.row_ranges = ceil_div(p.rows, kMostRows);
  p.column_ranges = ceil_div(p.columns, kMostColumns);
  p.segments = ceil_div(s.batch * s.in_pixels(), kStepPixels * kSegmentSteps);
  p.chunks = least(ceil_div(kTasks / 2, p.parts()), ceil_div(p.segments, kLeastSegments));
  while (p.parts() * p.chunks < kTasks / 2 && p.column_ranges < ceil_div(p.columns, 2)) {
    ++p.column_ranges;
  }
  p.part_rows = ceil_div(p.rows, p.row_ranges);
  p.part_columns = ceil_div(p.columns, p.column_ranges);
  p.part_floats = p.part_rows * p.part_columns * kSumWords +
                  (p.turned ? p.part_columns : p.part_rows) * kPairChannels;
  return p;
}

Needs needs(const ConvWeightShape& s, int) {
  const Plan p = plan_of(s);
  Needs needs;
  needs.thread_floats = (p.part_rows + p.part_columns) * kPairWords;
  needs.tasks[0] = p.parts() * p.chunks;
  if (p.chunks > 1) {
    needs.shared_floats = p.parts() * p.chunks * p.part_floats;
    needs.tasks[needs.phases++] = p.parts() * p.part_rows;
  } else {
    needs.thread_floats += p.part_floats;
  }
  return needs;
}

// A blocked map whose pixels are those of all images, one behind the other.
struct Pixels {
  const float* map;
  int64_t batch_stride, blocks;
  int64_t pixels, all;  // of an image, and of all
};

alignas(64) constexpr float kNone[kLanes] = {};

// Where a step's pixels of a block are; behind the last one, zeros.
void list_pixels(const Pixels& from, int64_t block, int64_t step, const float** pixel) {
  const int64_t first = step * kStepPixels;
  int64_t image = first / from.pixels, p = first % from.pixels;
  for (int64_t i = 0; i < kStepPixels; ++i) {
    const int64_t place = image * from.batch_stride + (block * from.pixels + p) * kLanes;
    pixel[i] = first + i < from.all ? from.map + place : kNone;
    if (++p < from.pixels) continue;
    p = 0;
    ++image;
  }
}

// A step of a block of columns: tiles of high and of low parts, two blocks side by side.
STRIATE_AMX void split_columns(const float* const* pixel, float* to) {
  for (int64_t i = 0; i < kTileRows; ++i) {
    IntVector high, low;
    split_quickly(load(pixel[2 * i]), load(pixel[2 * i + 1]), high, low);
    store(to + i * kLanes, (Vector)high);
    store(to + 2 * kTileWords + i * kLanes, (Vector)low);
  }
}

// A step of a block of rows: 16 cells.
STRIATE_AMX void split_rows(const float* const* pixel, float* to) {
  Vector high[kLanes], low[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    IntVector h, l;
    split_quickly(load(pixel[2 * i]), load(pixel[2 * i + 1]), h, l);
    high[i] = (Vector)h;
    low[i] = (Vector)l;
  }
  transpose(high);
  transpose(low);
  for (int i = 0; i < kLanes; ++i) {
    store(to + i * kCellChannels, high[i]);
    store(to + i * kCellChannels + kLanes, low[i]);
  }
}

// The ranges of a part: pairs of blocks.
struct Part {
  int64_t first_row, rows, first_column, columns;
};

Part part_of(const Plan& p, int64_t i) {
  const int64_t row = i / p.column_ranges, column = i % p.column_ranges;
  Part t;
  t.first_row = cut(p.rows, p.row_ranges, row);
  t.rows = cut(p.rows, p.row_ranges, row + 1) - t.first_row;
  t.first_column = cut(p.columns, p.column_ranges, column);
  t.columns = cut(p.columns, p.column_ranges, column + 1) - t.first_column;
  return t;
}

// Where a part has the sums of gy, behind its tiles of sums; null where another part has them.
float* bias_of(const ConvWeightShape& s, const Plan& p, const Part& t, float* sums) {
  const bool first = (p.turned ? t.first_row : t.first_column) == 0;
  return s.bias && first ? sums + t.rows * t.columns * kSumWords : nullptr;
}

// Steps of pairs of blocks, of those that there are: the second one lies `second` floats behind.
void split(const Pixels& from, int64_t first_pair, int64_t pairs, int64_t first, int64_t steps,
           void (*step_to)(const float* const*, float*), int64_t second, float* to) {
  const float* pixel[kStepPixels];
  const int64_t blocks = least(2 * pairs, from.blocks - 2 * first_pair);
  for (int64_t i = 0; i < blocks; ++i) {
    for (int64_t step = 0; step < steps; ++step) {
      list_pixels(from, 2 * first_pair + i, first + step, pixel);
      step_to(pixel, to + i / 2 * kPairWords + i % 2 * second + step * kStepWords);
    }
  }
}

// Add up the pixels of the same.
void add_pixels(const Pixels& from, int64_t first_pair, int64_t pairs, int64_t first, int64_t steps,
                float* sums) {
  const float* pixel[kStepPixels];
  const int64_t blocks = least(2 * pairs, from.blocks - 2 * first_pair);
  for (int64_t i = 0; i < blocks; ++i) {
    Vector sum = {};
    for (int64_t step = 0; step < steps; ++step) {
      list_pixels(from, 2 * first_pair + i, first + step, pixel);
      for (int64_t p = 0; p < kStepPixels; p += 2) sum += load(pixel[p]) + load(pixel[p + 1]);
    }
    store(sums + i * kLanes, load(sums + i * kLanes) + sum);
  }
}

// The sums of a part over a chunk of the pixels.
void compute(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& t,
             int64_t chunk, float* sums) {
  static constexpr int64_t kNoTap = 0;
  const int64_t pixels = s.in_pixels(), all = s.batch * pixels;
  const Pixels x = {b.in[0], s.x_batch_stride, ceil_div(s.in_channels, kLanes), pixels, all};
  const Pixels gy = {b.in[1], s.y_batch_stride, ceil_div(s.out_channels, kLanes), pixels, all};
  float* const rows = b.scratch;
  float* const columns = rows + t.rows * kPairWords;
  float* const bias = bias_of(s, p, t, sums);
  clear(sums, p.part_floats);
  // Of a last pair there may be one block: the other is 0.
  clear(rows + (t.rows - 1) * kPairWords, kPairWords);
  clear(columns + (t.columns - 1) * kPairWords, kPairWords);
  TileProduct product = {};
  product.layer_floats = kStepWords;
  product.tap = &kNoTap;
  product.taps = 1;
  product.more = true;
  const int64_t stop = cut(p.segments, p.chunks, chunk + 1);
  for (int64_t segment = cut(p.segments, p.chunks, chunk); segment < stop; ++segment) {
    const int64_t step = segment * kSegmentSteps;
    product.layers = least(kSegmentSteps, ceil_div(all, kStepPixels) - step);
    split(p.turned ? x : gy, t.first_row, t.rows, step, product.layers, split_rows,
          kTileRows * kCellChannels, rows);
    split(p.turned ? gy : x, t.first_column, t.columns, step, product.layers, split_columns,
          kTileWords, columns);
    if (bias != nullptr) {
      add_pixels(gy, p.turned ? t.first_column : t.first_row, p.turned ? t.columns : t.rows, step,
                 product.layers, bias);
    }
    for (int64_t row = 0; row < t.rows; ++row) {
      for (int64_t column = 0; column < t.columns; ++column) {
        product.cells = rows + row * kPairWords;
        product.w = columns + column * kPairWords;
        multiply_by_tiles<2, 2>(product, sums + (row * t.columns + column) * kSumWords);
      }
    }
  }
}

// A tile of sums to the plain gradient: of 16 outputs from `output` and channels from `channel` on.
void write_tile(const ConvWeightShape& s, const float* tile, bool turned, int64_t output,
                int64_t channel, float* gw) {
  const bool past = s.in_channels * s.out_channels >= kPastFloats;
  Vector v[kLanes];
  for (int i = 0; i < kLanes; ++i) v[i] = load(tile + i * kLanes);
  if (turned) transpose(v);
  const int64_t channels = s.in_channels - channel;
  for (int64_t i = 0; i < least(kLanes, s.out_channels - output); ++i) {
    float* const to = gw + (output + i) * s.in_channels + channel;
    if (channels < kLanes) {
      store_first(to, v[i], channels);
    } else if (past) {
      stream(to, v[i]);
    } else {
      store_unaligned(to, v[i]);
    }
  }
}

// Write a pair of a part's rows; `chunks` partial sums, `apart` floats apart.
void finish(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& t, int64_t row,
            float* sums, int64_t chunks, int64_t apart) {
  float* const own = sums + row * t.columns * kSumWords;
  add_chunks(own, t.columns * kSumWords, chunks, apart);
  for (int64_t i = 0; i < 4 * t.columns; ++i) {
    const int64_t r = (t.first_row + row) * kPairChannels + i % 4 / 2 * kLanes;
    const int64_t c = (t.first_column + i / 4) * kPairChannels + i % 2 * kLanes;
    const int64_t output = p.turned ? c : r, channel = p.turned ? r : c;
    if (output >= s.out_channels || channel >= s.in_channels) continue;
    write_tile(s, own + i * kTileWords, p.turned, output, channel, b.out[0]);
  }
  float* const bias = bias_of(s, p, t, sums);
  if (bias == nullptr || row > 0) return;
  const int64_t outputs = (p.turned ? t.columns : t.rows) * kPairChannels;
  const int64_t first = (p.turned ? t.first_column : t.first_row) * kPairChannels;
  add_chunks(bias, outputs, chunks, apart);
  const int64_t real = least(outputs, s.out_channels - first);
  for (int64_t o = 0; o < real; ++o) b.out[1][first + o] = bias[o];
}

void run(const ConvWeightShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan_of(s);
  begin_tiles();
  for (int64_t i = first; i < stop; ++i) {
    if (phase == 1) {
      const int64_t part = i / p.part_rows, row = i % p.part_rows;
      const Part t = part_of(p, part);
      float* const sums = b.shared + part * p.chunks * p.part_floats;
      if (row < t.rows) finish(s, p, b, t, row, sums, p.chunks, p.part_floats);
    } else if (p.chunks > 1) {
      compute(s, p, b, part_of(p, i / p.chunks), i % p.chunks, b.shared + i * p.part_floats);
    } else {
      const Part t = part_of(p, i);
      float* const sums = b.scratch + (p.part_rows + p.part_columns) * kPairWords;
      compute(s, p, b, t, 0, sums);
      for (int64_t row = 0; row < t.rows; ++row) finish(s, p, b, t, row, sums, 1, 0);
    }
  }
  end_tiles();
  settle();
}
#else
Needs needs(const ConvWeightShape&, int) {
  return {};
}

void run(const ConvWeightShape&, const Buffers&, int, int64_t, int64_t) {}
#endif

}  // namespace

extern const Kernel<ConvWeightShape> conv_weight_bf16x3;
const Kernel<ConvWeightShape> conv_weight_bf16x3 = {"bf16x3", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
