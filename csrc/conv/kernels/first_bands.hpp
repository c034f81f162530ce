// What the kernels for a plain image and few filters share: bands of rows of outputs, in tiles of
// two rows by some pixels. Where the filter hangs over the map, a task first copies the rows that
// it reads to scratch, with zeros around them.
#pragma once

#include "conv/shape.hpp"
#include "kernels/activate.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kTaskSums = 32768;      // multiply-adds of vectors: 5 us
constexpr int64_t kSmallTaskSums = 8192;  // where the layer has less than 16 tasks
constexpr int64_t kBandFloats = 65536;

struct FirstTile {
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

static int64_t band_floats(const ConvShape& s) {
  const int64_t pairs = ceil_div(ceil_div(s.out[1], 2), bands_of(s));
  return s.in_channels * rows_read(s, 2 * pairs) * columns_read(s);
}

static bool bands_fit(const ConvShape& s) {
  const bool flat = s.kernel[0] == 1 && s.in[0] == 1 && s.out[0] == 1 && s.padding[0] == 0;
  const bool whole = s.unit_output() && s.full_pixels() == s.out_pixels();
  return s.plain_input && !s.plain_weight && s.groups == 1 && !s.scale && !s.residual && flat &&
         whole && s.out_channels <= kLanes && s.dilation[1] == 1 && s.dilation[2] == 1 &&
         s.out[1] > 1 && s.kernel[1] > s.stride[1] &&
         (!hangs_over(s) || band_floats(s) <= kBandFloats);
}

// `rows` rows from `top` on of each channel, with zeros where the map ends.
static void copy_band(const ConvShape& s, const float* map, int64_t top, int64_t rows, float* to) {
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

// Rows `first` to `stop` of image n: `table(rows, pixels)` is a function for a tile.
template <typename Table>
static void run_band(const ConvShape& s, const Buffers& b, const Table& table, int64_t n,
                     int64_t first, int64_t stop) {
  const float* map = b.in[0] + n * s.x_batch_stride;
  const int64_t top = first * s.stride[1] - s.padding[1];
  FirstTile t;
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
  for (int64_t i = 0; i < stop - first; i += 2) {
    const int64_t rows = least(2, stop - first - i);
    for (int64_t j = 0; j < s.out[2];) {
      const int64_t count = least(kTilePixels, s.out[2] - j);
      t.x = x + i * t.down * t.row + j * t.across;
      t.y = y + i * t.y_row + j * kLanes;
      table(rows, count)(t);
      j += count;
    }
  }
  if (s.activation.kind != Activation::none && !t.clamp) {
    activate_vectors(s.activation, y, (stop - first) * s.out[2], kLanes);
  }
}

template <typename Table>
static void run_bands(const ConvShape& s, const Buffers& b, const Table& table, int64_t first,
                      int64_t stop) {
  const int64_t bands = bands_of(s), pairs = ceil_div(s.out[1], 2);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t band = task % bands;
    run_band(s, b, table, task / bands, 2 * cut(pairs, bands, band),
             least(s.out[1], 2 * cut(pairs, bands, band + 1)));
  }
}

}  // namespace striate::STRIATE_TARGET
