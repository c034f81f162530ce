// Pointwise layers by AMX: products of tiles of digits, six for one of float32
// (kernels/digits.hpp).
//
//   gw[o][c] = sum over pixels p of gy[o][p] * x[c][p]
//
// Of the two maps, the one with fewer channels is turned: its channels are the rows of tiles, those
// of the other one the columns. A task has a range of each for a chunk of the pixels. Of 256 pixels
// at a time (a segment), in which the numbers of a channel share a unit, it splits both, 64 pixels
// a step, into words of four pixels,
//
//   rows     pair of blocks: | step: 32 cells | ..    units                       cell[row][pixel]
//   columns  pair of blocks: | step: first digits c0, c1, second c0, c1, third c0, c1 | ..    units
//
// and multiplies pairs of blocks by pairs of blocks over its steps. What the segments give is added
// up, then the chunks, if there are several. Only where there is AMX: unlike packed weights,
// nothing of this is read on another machine.
#include "conv_weight/kernels/chunks.hpp"
#include "conv_weight/shape.hpp"
#include "kernels/digit_products.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kStepPixels = 64, kSegmentSteps = 4;
constexpr int64_t kSegmentPixels = kSegmentSteps * kStepPixels;
constexpr int64_t kPairChannels = 32;                     // of two blocks
constexpr int64_t kRowStep = kPairChannels * kCellWords;  // floats of a step of a pair
constexpr int64_t kColumnStep = 2 * kDigits * kTileWords;
constexpr int64_t kRowPair = kSegmentSteps * kRowStep + kPairChannels;  // with its units
constexpr int64_t kColumnPair = kSegmentSteps * kColumnStep + kPairChannels;
constexpr int64_t kSumWords = 4 * kTileWords;        // of a pair by a pair
constexpr int64_t kMostRows = 8, kMostColumns = 16;  // pairs of a task: 1.2 MB with their segments
constexpr int64_t kLeastFewer = 96, kLeastMore = 128;  // channels, below which splitting costs more
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
  return striate_amx() && !s.plain_input && !s.norm && s.groups == 1 && fewer >= kLeastFewer &&
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
  p.segments = ceil_div(s.batch * s.in_pixels(), kSegmentPixels);
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

// Of a segment of a part.
int64_t split_floats(const Plan& p) {
  return p.part_rows * kRowPair + p.part_columns * kColumnPair;
}

Needs needs(const ConvWeightShape& s, int) {
  const Plan p = plan_of(s);
  Needs needs;
  needs.thread_floats = split_floats(p);
  needs.tasks[0] = p.parts() * p.chunks;
  if (p.chunks > 1) {
    needs.shared_floats = p.parts() * p.chunks * p.part_floats;
    needs.tasks[needs.phases++] = p.parts() * p.part_rows;
  } else {
    needs.thread_floats += p.part_floats;
  }
  return needs;
}

alignas(64) constexpr float kNone[kLanes] = {};

// Pixels of a segment of a map, whose pixels are those of all images, one behind the other.
struct Segment {
  const float* map;
  int64_t blocks, block_floats;
  int64_t real;                   // pixels: behind them zeros
  int64_t place[kSegmentPixels];  // floats to them in a block

  const float* pixel(int64_t block, int64_t i) const {
    return i < real ? map + block * block_floats + place[i] : kNone;
  }
};

void find_segment(int64_t segment, const ConvWeightShape& s, int64_t batch_stride, Segment& to) {
  const int64_t pixels = s.in_pixels(), first = segment * kSegmentPixels;
  to.real = least(kSegmentPixels, s.batch * pixels - first);
  to.block_floats = pixels * kLanes;
  int64_t image = first / pixels, p = first % pixels;
  for (int64_t i = 0; i < to.real; ++i) {
    to.place[i] = image * batch_stride + p * kLanes;
    if (++p < pixels) continue;
    p = 0;
    ++image;
  }
}

// Units of a block's channels, and what makes 2^-16 of each.
Vector split_units(const Segment& from, int64_t block, float* units) {
  IntVector peak[2] = {};
  for (int64_t i = 0; i < from.real; i += 2) {
    peak[0] = larger(peak[0], absolute_bits(load(from.pixel(block, i))));
    peak[1] = larger(peak[1], absolute_bits(load(from.pixel(block, i + 1))));
  }
  const Vector unit = unit_of((Vector)larger(peak[0], peak[1]));
  store(units, unit);
  return per_unit(unit);
}

// Four pixels from pixel i on, in units.
STRIATE_INLINE void load_pixels(const Segment& from, int64_t block, int64_t i, Vector each,
                                Vector (&x)[kCellBlocks]) {
  STRIATE_UNROLL
  for (int k = 0; k < kCellBlocks; ++k) x[k] = load(from.pixel(block, i + k)) * each;
}

// A step of a block of columns: tiles of its digits, two blocks side by side.
void split_columns(const Segment& from, int64_t block, int64_t step, Vector each, float* to) {
  for (int64_t row = 0; row < kTileRows; ++row) {
    Vector x[kCellBlocks];
    load_pixels(from, block, step * kStepPixels + row * kCellBlocks, each, x);
    store_digits(x, to + row * kLanes, 2 * kTileWords);
  }
}

// A step of a block of rows: 16 cells. Its digits lie as those of columns do, turned.
void split_rows(const Segment& from, int64_t block, int64_t step, Vector each, float* to) {
  alignas(64) float tile[kDigits][kTileWords];
  for (int64_t row = 0; row < kTileRows; ++row) {
    Vector x[kCellBlocks];
    load_pixels(from, block, step * kStepPixels + row * kCellBlocks, each, x);
    store_digits(x, tile[0] + row * kLanes, kTileWords);
  }
  for (int k = 0; k < kDigits; ++k) {
    Vector word[kLanes];
    for (int i = 0; i < kLanes; ++i) word[i] = load(tile[k] + i * kLanes);
    transpose(word);
    for (int i = 0; i < kLanes; ++i) store(to + i * kCellWords + k * kDigitWords, word[i]);
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

int64_t steps_of(const Segment& segment) {
  return ceil_div(segment.real, kStepPixels);
}

// Where the pairs of rows or of columns have what: floats of a pair, of a step, to the second block
// and to the units.
struct Side {
  int64_t pair, step, second, units;
  void (*split)(const Segment&, int64_t block, int64_t step, Vector each, float* to);
};

Side rows_of() {
  return {kRowPair, kRowStep, kLanes * kCellWords, kSegmentSteps * kRowStep, split_rows};
}

// Behind the last step, as multiply_by_tiles reads them.
Side columns_of(int64_t steps) {
  return {kColumnPair, kColumnStep, kTileWords, steps * kColumnStep, split_columns};
}

// Pairs of blocks, of those that there are.
void split_pairs(const Segment& from, int64_t first, int64_t pairs, const Side& side, float* to) {
  const int64_t blocks = least(2 * pairs, from.blocks - 2 * first);
  for (int64_t i = 0; i < blocks; ++i) {
    float* const pair = to + i / 2 * side.pair;
    const Vector each = split_units(from, 2 * first + i, pair + side.units + i % 2 * kLanes);
    for (int64_t step = 0; step < steps_of(from); ++step) {
      side.split(from, 2 * first + i, step, each, pair + step * side.step + i % 2 * side.second);
    }
  }
}

// Add up the pixels of pairs of blocks.
void add_pixels(const Segment& from, int64_t first, int64_t pairs, float* sums) {
  const int64_t blocks = least(2 * pairs, from.blocks - 2 * first);
  for (int64_t i = 0; i < blocks; ++i) {
    Vector sum = {};
    for (int64_t p = 0; p < from.real; ++p) sum += load(from.pixel(2 * first + i, p));
    store(sums + i * kLanes, load(sums + i * kLanes) + sum);
  }
}

// Add what a pair of rows and one of columns give.
void add_sums(const float* from, const float* row_units, float* to) {
  for (int64_t i = 0; i < 4; ++i, from += kTileWords, to += kTileWords) {
    const float* const units = row_units + i / 2 * kLanes;
    for (int64_t row = 0; row < kTileRows; ++row) {
      const Vector sum = load(from + row * kLanes) * broadcast(units[row]);
      store(to + row * kLanes, load(to + row * kLanes) + sum);
    }
  }
}

// The sums of a part over a chunk.
void compute(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& t,
             int64_t chunk, float* sums) {
  static constexpr int64_t kNoTap = 0;
  alignas(64) float each[kSumWords];
  Segment x, gy;
  x.map = b.in[0];
  x.blocks = ceil_div(s.in_channels, kLanes);
  gy.map = b.in[1];
  gy.blocks = ceil_div(s.out_channels, kLanes);
  float* const rows = b.scratch;
  float* const columns = rows + p.part_rows * kRowPair;
  float* const bias = bias_of(s, p, t, sums);
  clear(sums, p.part_floats);
  // Of a last pair there may be one block: the other is 0, and so are its units, wherever they lie.
  clear(rows + (t.rows - 1) * kRowPair, kRowPair);
  DigitProduct product = {};
  product.layer_floats = kRowStep;
  product.tap = &kNoTap;
  product.taps = 1;
  const int64_t stop = cut(p.segments, p.chunks, chunk + 1);
  for (int64_t segment = cut(p.segments, p.chunks, chunk); segment < stop; ++segment) {
    find_segment(segment, s, s.x_batch_stride, x);
    find_segment(segment, s, s.y_batch_stride, gy);
    product.layers = steps_of(x);
    split_pairs(p.turned ? x : gy, t.first_row, t.rows, rows_of(), rows);
    clear(columns + (t.columns - 1) * kColumnPair, kColumnPair);
    split_pairs(p.turned ? gy : x, t.first_column, t.columns, columns_of(product.layers), columns);
    if (bias != nullptr) {
      add_pixels(gy, p.turned ? t.first_column : t.first_row, p.turned ? t.columns : t.rows, bias);
    }
    for (int64_t row = 0; row < t.rows; ++row) {
      for (int64_t column = 0; column < t.columns; ++column) {
        product.cells = rows + row * kRowPair;
        product.w = columns + column * kColumnPair;
        multiply_by_tiles<2, 2>(product, each);
        add_sums(each, product.cells + kSegmentSteps * kRowStep,
                 sums + (row * t.columns + column) * kSumWords);
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
      float* const sums = b.scratch + split_floats(p);
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

extern const Kernel<ConvWeightShape> conv_weight_int8x6;
const Kernel<ConvWeightShape> conv_weight_int8x6 = {"int8x6", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
