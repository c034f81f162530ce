// What the kernels for few filters, of a plain image or one block of channels, share: bands of rows
// of outputs, in tiles of two rows by some pixels. Where the filter hangs over the map, a task
// first copies the rows that it reads to scratch, with zeros around them.
#pragma once

#include "conv/shape.hpp"
#include "kernels/activate.hpp"
#include "kernels/joined.hpp"
#include "kernels/math.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kTaskSums = 32768;      // multiply-adds of vectors: 5 us
constexpr int64_t kSmallTaskSums = 8192;  // where the layer has less than 16 tasks
constexpr int64_t kBandFloats = 65536;
static_assert(kTilePixels % 2 == 0, "pairs of columns, for pooling");

struct FirstTile {
  const float* x;        // where the windows of the first pixel begin
  int64_t row, channel;  // floats from row to row and from channel to channel
  int64_t channels, height, width;
  int64_t down, across;  // the stride in rows, floats from pixel to pixel
  const float* w;
  float* y;
  int64_t y_row;
  bool pool;  // of each two columns and both rows the largest is written
  const float* bias;
  bool clamp;
  float low, high;
};

// A vector of filters a pixel.
template <int NP>
STRIATE_INLINE void write_row(Vector (&sum)[NP], const FirstTile& t, float* y) {
  if (t.clamp) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[p] = between(t.low, sum[p], t.high);
  }
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) store(y + p * kLanes, sum[p]);
}

// The largest of both rows and each two pixels.
template <int NP>
STRIATE_INLINE void write_pooled(const Vector (&sum)[2][NP], const FirstTile& t) {
  STRIATE_UNROLL
  for (int p = 0; p + 1 < NP; p += 2) {
    const Vector first = largest(sum[0][p], sum[0][p + 1]);
    const Vector most = largest(first, largest(sum[1][p], sum[1][p + 1]));
    store(t.y + p / 2 * kLanes, t.clamp ? between(t.low, most, t.high) : most);
  }
}

// Rows and columns that are read for so many rows of outputs.
static int64_t rows_read(const ConvShape& s, int64_t rows) {
  return (rows - 1) * s.stride[1] + s.kernel[1];
}

static int64_t columns_read(const ConvShape& s) {
  return (s.out[2] - 1) * s.stride[2] + s.kernel[2];
}

static bool hangs_over(const ConvShape& s) {
  return s.padding[1] > 0 || s.padding[2] > 0 || rows_read(s, s.out[1]) - s.padding[1] > s.in[1] ||
         columns_read(s) - s.padding[2] > s.in[2];
}

// Of an image; each is an even number of rows, but for the last.
static int64_t bands_of(const ConvShape& s) {
  const int64_t pairs = ceil_div(s.out[1], 2);
  const int64_t sums = s.out[1] * s.out[2] * s.in_channels * s.taps();
  const int64_t many = s.batch * sums / kTaskSums >= 16 ? kTaskSums : kSmallTaskSums;
  return most(1, least(pairs, sums / many));
}

// Floats of a pixel: of one channel, or of a block of them.
static int64_t cell_of(const ConvShape& s) {
  return s.plain_input ? 1 : kLanes;
}

static int64_t planes_of(const ConvShape& s) {
  return s.plain_input ? s.in_channels : 1;
}

static int64_t band_floats(const ConvShape& s) {
  const int64_t pairs = ceil_div(ceil_div(s.out[1], 2), bands_of(s));
  return planes_of(s) * rows_read(s, 2 * pairs) * columns_read(s) * cell_of(s);
}

static bool bands_fit(const ConvShape& s) {
  const bool flat = s.kernel[0] == 1 && s.in[0] == 1 && s.out[0] == 1 && s.padding[0] == 0;
  return (s.plain_input || s.in_channels <= kLanes) && !s.plain_weight && s.groups == 1 &&
         !s.scale && !s.residual && flat && s.whole_output() && s.out_channels <= kLanes &&
         s.dilation[1] == 1 && s.dilation[2] == 1 && s.out[1] > 1 && s.kernel[1] > s.stride[1] &&
         (!hangs_over(s) || band_floats(s) <= kBandFloats);
}

// `rows` rows from `top` on of each plane, with zeros where the map ends.
static void copy_band(const ConvShape& s, const float* map, int64_t top, int64_t rows, float* to) {
  const int64_t columns = columns_read(s), left = -s.padding[2], cell = cell_of(s);
  const int64_t first = least(columns, most(0, -left));
  const int64_t stop = most(first, least(columns, s.in[2] - left));
  for (int64_t plane = 0; plane < planes_of(s); ++plane) {
    for (int64_t i = top; i < top + rows; ++i, to += columns * cell) {
      if (i < 0 || i >= s.in[1]) {
        for (int64_t j = 0; j < columns * cell; ++j) to[j] = 0;
        continue;
      }
      const float* row = map + ((plane * s.in[1] + i) * s.in[2] + left) * cell;
      for (int64_t j = 0; j < first * cell; ++j) to[j] = 0;
      for (int64_t j = first * cell; j < stop * cell; ++j) to[j] = row[j];
      for (int64_t j = stop * cell; j < columns * cell; ++j) to[j] = 0;
    }
  }
}

// A band as its tiles see it: t for the first, whose windows begin at x and which writes to y.
struct Band {
  FirstTile t;
  const float* x;
  float* y;
  int64_t rows;  // of outputs
};

// Rows `first` to `stop` of image n.
static Band begin_band(const ConvShape& s, const Buffers& b, int64_t n, int64_t first,
                       int64_t stop) {
  const float* map = b.in[0] + n * s.x_batch_stride;
  const int64_t top = first * s.stride[1] - s.padding[1], cell = cell_of(s);
  Band band;
  FirstTile& t = band.t;
  band.rows = stop - first;
  band.x = map + (top * s.in[2] - s.padding[2]) * cell;
  t.row = s.in[2] * cell;
  t.channel = s.in_pixels();
  if (hangs_over(s)) {
    const int64_t rows = rows_read(s, band.rows);
    copy_band(s, map, top, rows, b.scratch);
    band.x = b.scratch;
    t.row = columns_read(s) * cell;
    t.channel = rows * t.row;
  }
  if (!s.plain_input) t.channel = 1;
  t.channels = s.in_channels;
  t.height = s.kernel[1];
  t.width = s.kernel[2];
  t.down = s.stride[1];
  t.across = s.stride[2] * cell;
  t.w = b.weight[0];
  t.bias = s.bias ? b.weight[1] : nullptr;
  t.clamp = s.activation.kind == Activation::clamp;
  t.low = s.activation.alpha;
  t.high = s.activation.beta;
  t.pool = s.pool;
  t.y_row = s.out_full[2] * kLanes;
  band.y = b.out[0] + n * s.y_batch_stride + (first >> s.pool) * t.y_row;
  return band;
}

// Other activations than the tiles' own.
static void end_band(const ConvShape& s, const Band& band) {
  if (s.activation.kind == Activation::none || band.t.clamp) return;
  const int64_t rows = s.pool ? band.rows / 2 : band.rows;
  activate_vectors(s.activation, band.y, rows * s.out_full[2], kLanes);
}

// band(n, first, stop) for the bands of tasks first .. stop - 1.
template <typename Run>
STRIATE_INLINE void each_band(const ConvShape& s, int64_t first, int64_t stop, Run band) {
  const int64_t bands = bands_of(s), pairs = ceil_div(s.out[1], 2);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t i = task % bands;
    band(task / bands, 2 * cut(pairs, bands, i), least(s.out[1], 2 * cut(pairs, bands, i + 1)));
  }
}

// `table(rows, pixels)` is a function for a tile.
template <typename Table>
static void run_bands(const ConvShape& s, const Buffers& b, const Table& table, int64_t first,
                      int64_t stop) {
  each_band(s, first, stop, [&](int64_t n, int64_t from, int64_t to) STRIATE_LAMBDA {
    Band band = begin_band(s, b, n, from, to);
    FirstTile& t = band.t;
    for (int64_t i = 0; i < band.rows; i += 2) {
      const int64_t rows = least(2, band.rows - i);
      if (s.pool && rows < 2) break;
      for (int64_t j = 0; j < s.out[2];) {
        const int64_t count = least(kTilePixels, s.out[2] - j);
        t.x = band.x + i * t.down * t.row + j * t.across;
        // Tiles are even, but for the last.
        t.y = band.y + (i >> s.pool) * t.y_row + (j >> s.pool) * kLanes;
        table(rows, count)(t);
        j += count;
      }
    }
    end_band(s, band);
  });
}

}  // namespace striate::STRIATE_TARGET
