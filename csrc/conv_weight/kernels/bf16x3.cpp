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
  int64_t batch_stride, pixels, all;  // pixels of an image, and of all
};

// Two channels' pixels p and p + 1 of a block, 0 behind the last one: words of high and low parts.
STRIATE_AMX STRIATE_INLINE void split_pixels(const float* even, const float* odd, IntVector& high,
                                             IntVector& low) {
  const Vector e = load(even), o = load(odd);
  const __m512i turn = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24,
                                        8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i h = _mm512_permutexvar_epi16(turn, (__m512i)_mm512_cvtne2ps_pbh(o, e));
  high = (IntVector)h;
  const Vector high_even = (Vector)(high << 16), high_odd = (Vector)(high & ~0xffff);
  low = (IntVector)_mm512_permutexvar_epi16(
      turn, (__m512i)_mm512_cvtne2ps_pbh(o - high_odd, e - high_even));
}

alignas(64) constexpr float kNone[kLanes] = {};

// Where pixels first .. first + 31 of a block are; behind the last one, zeros.
void list_pixels(const Pixels& from, int64_t block, int64_t first, const float** pixel) {
  for (int64_t i = 0; i < kStepPixels; ++i) {
    const int64_t p = first + i, n = p / from.pixels;
    pixel[i] = p >= from.all ? kNone
                             : from.map + n * from.batch_stride +
                                   (block * from.pixels + p - n * from.pixels) * kLanes;
  }
}

// Steps of a block of columns: tiles of high and of low parts, two blocks side by side. Adds up its
// pixels as well, where `sums` is not null.
STRIATE_AMX void split_columns(const Pixels& from, int64_t block, int64_t first, int64_t steps,
                               float* to, float* sums) {
  const float* pixel[kStepPixels];
  Vector sum = {};
  for (int64_t step = 0; step < steps; ++step, to += kStepWords) {
    list_pixels(from, block, first + step * kStepPixels, pixel);
    for (int64_t i = 0; i < kTileRows; ++i) {
      IntVector high, low;
      split_pixels(pixel[2 * i], pixel[2 * i + 1], high, low);
      store(to + i * kLanes, (Vector)high);
      store(to + 2 * kTileWords + i * kLanes, (Vector)low);
      if (sums != nullptr) sum += load(pixel[2 * i]) + load(pixel[2 * i + 1]);
    }
  }
  if (sums != nullptr) store(sums, load(sums) + sum);
}

// The same of a block of rows: 16 cells.
STRIATE_AMX void split_rows(const Pixels& from, int64_t block, int64_t first, int64_t steps,
                            float* to, float* sums) {
  const float* pixel[kStepPixels];
  Vector sum = {};
  for (int64_t step = 0; step < steps; ++step, to += kStepWords) {
    list_pixels(from, block, first + step * kStepPixels, pixel);
    Vector high[kLanes], low[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      IntVector h, l;
      split_pixels(pixel[2 * i], pixel[2 * i + 1], h, l);
      high[i] = (Vector)h;
      low[i] = (Vector)l;
      if (sums != nullptr) sum += load(pixel[2 * i]) + load(pixel[2 * i + 1]);
    }
    transpose(high);
    transpose(low);
    for (int i = 0; i < kLanes; ++i) {
      store(to + i * kCellChannels, high[i]);
      store(to + i * kCellChannels + kLanes, low[i]);
    }
  }
  if (sums != nullptr) store(sums, load(sums) + sum);
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

// Split a segment of all blocks that there are.
void split(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& t, int64_t first,
           int64_t steps, float* bias) {
  const int64_t all = s.batch * s.in_pixels();
  const Pixels x = {b.in[0], s.x_batch_stride, s.in_pixels(), all};
  const Pixels gy = {b.in[1], s.y_batch_stride, s.in_pixels(), all};
  const int64_t x_blocks = ceil_div(s.in_channels, kLanes);
  const int64_t gy_blocks = ceil_div(s.out_channels, kLanes);
  float* const rows = b.scratch;
  float* const columns = rows + t.rows * kPairWords;
  for (int64_t i = 0; i < 2 * t.rows; ++i) {
    const int64_t block = 2 * t.first_row + i;
    if (block >= (p.turned ? x_blocks : gy_blocks)) break;
    float* const to = rows + i / 2 * kPairWords + i % 2 * kTileRows * kCellChannels;
    float* const sums = bias != nullptr && !p.turned ? bias + i * kLanes : nullptr;
    split_rows(p.turned ? x : gy, block, first, steps, to, sums);
  }
  for (int64_t i = 0; i < 2 * t.columns; ++i) {
    const int64_t block = 2 * t.first_column + i;
    if (block >= (p.turned ? gy_blocks : x_blocks)) break;
    float* const to = columns + i / 2 * kPairWords + i % 2 * kTileWords;
    float* const sums = bias != nullptr && p.turned ? bias + i * kLanes : nullptr;
    split_columns(p.turned ? gy : x, block, first, steps, to, sums);
  }
}

// The sums of a part over a chunk of the pixels.
void compute(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& t,
             int64_t chunk, float* sums) {
  static constexpr int64_t kNoTap = 0;
  float* const bias = bias_of(s, p, t, sums);
  clear(sums, p.part_floats);
  // Of a last pair there may be one block: the other is 0.
  clear(b.scratch + (t.rows - 1) * kPairWords, kPairWords);
  clear(b.scratch + (t.rows + t.columns - 1) * kPairWords, kPairWords);
  const int64_t all_steps = ceil_div(s.batch * s.in_pixels(), kStepPixels);
  TileProduct product = {};
  product.layer_floats = kStepWords;
  product.tap = &kNoTap;
  product.taps = 1;
  product.more = true;
  const int64_t stop = cut(p.segments, p.chunks, chunk + 1);
  for (int64_t segment = cut(p.segments, p.chunks, chunk); segment < stop; ++segment) {
    const int64_t step = segment * kSegmentSteps;
    product.layers = least(kSegmentSteps, all_steps - step);
    split(s, p, b, t, step * kStepPixels, product.layers, bias);
    for (int64_t row = 0; row < t.rows; ++row) {
      for (int64_t column = 0; column < t.columns; ++column) {
        product.cells = b.scratch + row * kPairWords;
        product.w = b.scratch + (t.rows + column) * kPairWords;
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
  for (int64_t o = 0; o < least(outputs, s.out_channels - first); ++o)
    b.out[1][first + o] = bias[o];
}

void run(const ConvWeightShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan_of(s);
  begin_tiles();
  for (int64_t i = first; i < stop; ++i) {
    if (phase == 1) {
      const Part t = part_of(p, i / p.part_rows);
      float* const sums = b.shared + i / p.part_rows * p.chunks * p.part_floats;
      if (i % p.part_rows < t.rows)
        finish(s, p, b, t, i % p.part_rows, sums, p.chunks, p.part_floats);
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
