// Convolution of a plain image by few filters, one vector of them: LeNet's first layer.
//
//   y[o][i][j] = f(bias[o] + sum over c, v, w of weight[o,c,v,w] * x[c][i*s + v][j*s + w])
//
// Two rows of outputs are computed at once: what they both read is loaded and broadcast once for
// two multiply-adds. With one row it would be a load for each, and loads bound it.
//
//   x row   0  1  2  3  4  5         filter 5x5, stride 1
//   y row 0 v0 v1 v2 v3 v4           each x is multiplied with w[v] for row 0
//   y row 1    v0 v1 v2 v3 v4        and with w[v - s] for row 1
//
// A tile is 2 rows by 6 pixels (AVX2): 12 sums + 2 weights + 1 input of 16 registers. LeNet's
// layer, 6 filters of 5x5 on 32x32, takes 3.9 us for 5.1 by one row at a time; 6 of 8 lanes are
// used, so that the multiply-adds alone are 3.0. Packed weights: | c0 v0 w0: L floats | w1 | ... |
// v1 ...
//
// A task is a band of rows. Where the filter hangs over the map, it first copies the rows that it
// reads to scratch, with zeros around them.
#include "conv/kernels/filters.hpp"
#include "kernels/activate.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTaskSums = 32768;      // multiply-adds of vectors: 5 us
constexpr int64_t kSmallTaskSums = 8192;  // where the layer has less than 16 tasks
constexpr int64_t kBandFloats = 65536;

struct Tile {
  const float* x;        // where the windows of the first pixel begin
  int64_t row, channel;  // floats from row to row and from channel to channel
  int64_t channels, height, width;
  int64_t down, across;  // strides
  const float* w;
  float* y;
  int64_t y_row;
  const float* bias;
  bool clamp;
  float low, high;
};

// One row of taps: for one row of outputs, or for two with weights w and v. KW: the filter's width,
// SW: the stride; 0 for any.
template <int KW, int SW, int ROWS, int NP>
STRIATE_INLINE void add_row(Vector (&sum)[2][NP], const Tile& t, const float* x, const float* w,
                            const float* v, int only) {
  const int64_t across = SW > 0 ? SW : t.across, width = KW > 0 ? KW : t.width;
  const auto add_tap = [&]() STRIATE_LAMBDA {
    // GCC would keep the inputs that the next tap reads again, and spill the sums for them.
    asm volatile("" ::: "memory");
    const Vector first = load(w), second = ROWS == 2 ? load(v) : first;
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) {
      const Vector input = broadcast(x[p * across]);
      if constexpr (ROWS == 2) {
        sum[0][p] += input * first;
        pin(sum[0][p]);
        sum[1][p] += input * second;
        pin(sum[1][p]);
      } else {
        sum[only][p] += input * first;
        pin(sum[only][p]);
      }
    }
    ++x;
    w += kLanes;
    v += kLanes;
  };
  if constexpr (KW > 0) {
    STRIATE_UNROLL
    for (int k = 0; k < KW; ++k) add_tap();
  } else {
    _Pragma("GCC unroll 1") for (int64_t k = 0; k < width; ++k) add_tap();
  }
}

template <int NP>
STRIATE_INLINE void write_row(Vector (&sum)[NP], const Tile& t, float* y) {
  if (t.clamp) {
    const Vector low = broadcast(t.low), high = broadcast(t.high);
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[p] = min(high, max(low, sum[p]));
  }
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) store(y + p * kLanes, sum[p]);
}

// ROWS: of outputs; the second may be missing at the end of an odd map.
template <int KW, int SW, int ROWS, int NP>
static void tile(const Tile& t) {
  Vector sum[2][NP];
  const Vector bias = t.bias != nullptr ? load(t.bias) : Vector{};
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) sum[0][p] = sum[1][p] = bias;
  const int64_t taps = (KW > 0 ? KW : t.width) * kLanes;  // floats of a row of them
  for (int64_t c = 0; c < t.channels; ++c) {
    const float *x = t.x + c * t.channel, *w = t.w + c * t.height * taps;
    if constexpr (ROWS == 1) {
      for (int64_t v = 0; v < t.height; ++v, x += t.row) {
        add_row<KW, SW, 1>(sum, t, x, w + v * taps, w, 0);
      }
      continue;
    }
    int64_t v = 0;
    for (; v < t.down; ++v, x += t.row) add_row<KW, SW, 1>(sum, t, x, w + v * taps, w, 0);
    for (; v < t.height; ++v, x += t.row) {
      add_row<KW, SW, 2>(sum, t, x, w + v * taps, w + (v - t.down) * taps, 0);
    }
    for (; v < t.height + t.down; ++v, x += t.row) {
      add_row<KW, SW, 1>(sum, t, x, w + (v - t.down) * taps, w, 1);
    }
  }
  write_row(sum[0], t, t.y);
  if constexpr (ROWS == 2) write_row(sum[1], t, t.y + t.y_row);
}

typedef void (*TileFunction)(const Tile&);

struct TileTable {
  TileFunction of[2][kTilePixels] = {};
};

template <int KW, int SW, int ROWS, int NP>
constexpr void fill(TileFunction* to) {
  to[NP - 1] = tile<KW, SW, ROWS, NP>;
  if constexpr (NP > 1) fill<KW, SW, ROWS, NP - 1>(to);
}

template <int KW, int SW>
constexpr TileTable tiles() {
  TileTable table;
  fill<KW, SW, 1, kTilePixels>(table.of[0]);
  fill<KW, SW, 2, kTilePixels>(table.of[1]);
  return table;
}

static constexpr TileTable kAny = tiles<0, 0>();
static constexpr TileTable kThree = tiles<3, 1>(), kFive = tiles<5, 1>();

const TileTable& table_for(int64_t width, int64_t stride) {
  if (stride != 1) return kAny;
  return width == 3 ? kThree : width == 5 ? kFive : kAny;
}

// Rows and columns that are read for so many rows of outputs.
int64_t rows_read(const ConvShape& s, int64_t rows) {
  return (rows - 1) * s.stride[1] + s.kernel[1];
}

int64_t columns_read(const ConvShape& s) {
  return (s.out[2] - 1) * s.stride[2] + s.kernel[2];
}

bool hangs_over(const ConvShape& s) {
  return s.padding[1] > 0 || s.padding[2] > 0 || rows_read(s, s.out[1]) - s.padding[1] > s.in[1] ||
         columns_read(s) - s.padding[2] > s.in[2];
}

// Of an image; each is an even number of rows, but for the last.
int64_t bands_of(const ConvShape& s) {
  const int64_t pairs = ceil_div(s.out[1], 2);
  const int64_t sums = s.out[1] * s.out[2] * s.in_channels * s.taps();
  const int64_t many = s.batch * sums / kTaskSums >= 16 ? kTaskSums : kSmallTaskSums;
  return most(1, least(pairs, sums / many));
}

int64_t band_floats(const ConvShape& s) {
  const int64_t pairs = ceil_div(ceil_div(s.out[1], 2), bands_of(s));
  return s.in_channels * rows_read(s, 2 * pairs) * columns_read(s);
}

bool fits(const ConvShape& s) {
  const bool flat = s.kernel[0] == 1 && s.in[0] == 1 && s.out[0] == 1 && s.padding[0] == 0;
  const bool whole = s.unit_output() && s.full_pixels() == s.out_pixels();
  return s.plain_input && !s.plain_weight && s.groups == 1 && !s.scale && !s.residual && flat &&
         whole && s.out_channels <= kLanes && s.dilation[1] == 1 && s.dilation[2] == 1 &&
         s.out[1] > 1 && s.kernel[1] > s.stride[1] &&
         (!hangs_over(s) || band_floats(s) <= kBandFloats);
}

Needs needs(const ConvShape& s, int) {
  Needs needs;
  needs.weight_floats = ceil_div(s.in_channels * s.taps() * kLanes, 16) * 16;
  needs.thread_floats = hangs_over(s) ? ceil_div(band_floats(s), 16) * 16 : 0;
  needs.tasks[0] = s.batch * bands_of(s);
  return needs;
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  for (int64_t c = 0; c < s.in_channels; ++c) {
    Cells cells = {};
    cells.from = w.first + c * w.channel;
    cells.output = w.output;
    cells.to = packed + c * s.taps() * kLanes;
    cells.to_step = kLanes;
    cells.vectors = 1;
    cells.stop = s.out_channels;
    pack_taps(s, w, cells);
  }
  const int64_t floats = s.in_channels * s.taps() * kLanes;
  for (int64_t i = floats; i < needs(s, 1).weight_floats; ++i) packed[i] = 0;
}

// `rows` rows from `top` on of each channel, with zeros where the map ends.
void copy_band(const ConvShape& s, const float* map, int64_t top, int64_t rows, float* to) {
  const int64_t columns = columns_read(s), left = -s.padding[2];
  const int64_t first = most(0, -left), stop = most(first, least(columns, s.in[2] - left));
  for (int64_t c = 0; c < s.in_channels; ++c) {
    for (int64_t i = top; i < top + rows; ++i, to += columns) {
      if (i < 0 || i >= s.in[1]) {
        for (int64_t j = 0; j < columns; ++j) to[j] = 0;
        continue;
      }
      const float* row = map + (c * s.in[1] + i) * s.in[2] + left;
      for (int64_t j = 0; j < first; ++j) to[j] = 0;
      for (int64_t j = first; j < stop; ++j) to[j] = row[j];
      for (int64_t j = stop; j < columns; ++j) to[j] = 0;
    }
  }
}

void run_band(const ConvShape& s, const Buffers& b, int64_t n, int64_t first, int64_t stop) {
  const float* map = b.in[0] + n * s.x_batch_stride;
  const int64_t top = first * s.stride[1] - s.padding[1];
  Tile t;
  const float* x = map + top * s.in[2] - s.padding[2];
  t.row = s.in[2];
  t.channel = s.in_pixels();
  if (hangs_over(s)) {
    const int64_t rows = rows_read(s, stop - first);
    copy_band(s, map, top, rows, b.scratch);
    x = b.scratch;
    t.row = columns_read(s);
    t.channel = rows * t.row;
  }
  t.channels = s.in_channels;
  t.height = s.kernel[1];
  t.width = s.kernel[2];
  t.down = s.stride[1];
  t.across = s.stride[2];
  t.w = b.weight[0];
  t.bias = s.bias ? b.weight[1] : nullptr;
  t.clamp = s.activation.kind == Activation::clamp;
  t.low = s.activation.alpha;
  t.high = s.activation.beta;
  t.y_row = s.out[2] * kLanes;
  float* const y = b.out[0] + n * s.y_batch_stride + first * t.y_row;
  const TileTable& table = table_for(t.width, t.across);
  for (int64_t i = 0; i < stop - first; i += 2) {
    const int64_t rows = least(2, stop - first - i);
    for (int64_t j = 0; j < s.out[2];) {
      const int64_t count = least(kTilePixels, s.out[2] - j);
      t.x = x + i * t.down * t.row + j * t.across;
      t.y = y + i * t.y_row + j * kLanes;
      table.of[rows - 1][count - 1](t);
      j += count;
    }
  }
  if (s.activation.kind != Activation::none && !t.clamp) {
    activate_vectors(s.activation, y, (stop - first) * s.out[2], kLanes);
  }
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t bands = bands_of(s), pairs = ceil_div(s.out[1], 2);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t band = task % bands;
    run_band(s, b, task / bands, 2 * cut(pairs, bands, band),
             least(s.out[1], 2 * cut(pairs, bands, band + 1)));
  }
}

}  // namespace

extern const Kernel<ConvShape> conv_first_pairs;
const Kernel<ConvShape> conv_first_pairs = {"first_pairs", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
