// Small maps with the images of a group side by side: what is summed over then lies in long rows.
//
//   x[n][c / L][i][j][c % L]  ->  x[n / images][c / L][i][j][n % images][c % L]
//
// is the map of a convolution that has the images of a group as its width. Behind the last image
// of the batch lie zeros.
#pragma once

#include "conv_weight/kernels/bands.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kMostImages = 16;
constexpr int64_t kLongRow = 48;  // places
constexpr int64_t kLongMap = 6;   // pixels of a pointwise layer, whose map is one row

STRIATE_INLINE bool pointwise(const ConvWeightShape& s) {
  return s.in[0] * s.in[1] == 1 && s.kernel[2] == 1 && s.stride[2] == 1 && s.padding[2] == 0;
}

// How many images are put side by side; 1 where the rows are long as they are.
STRIATE_INLINE int64_t gathered_images(const ConvWeightShape& flat) {
  const bool plane = flat.in[0] == 1 && flat.out[0] == 1 && flat.kernel[0] == 1;
  if (!plane || flat.padding[0] != 0) return 1;
  const int64_t width = flat.out[2];
  const bool one_row = pointwise(flat);
  if (width >= (one_row ? kLongMap : kLongRow)) return 1;
  const int64_t most_images = one_row ? kBandPlaces / width : kMostImages;
  const int64_t images = ceil_div(flat.batch, ceil_div(flat.batch, most_images));
  const int64_t row = one_row ? width * images : images;
  return 2 * row >= 3 * width ? images : 1;
}

STRIATE_INLINE ConvWeightShape gathered(const ConvWeightShape& s, int64_t images) {
  if (images == 1) return s;
  ConvWeightShape g = s;
  g.batch = ceil_div(s.batch, images);
  for (int i = 0; i < 2; ++i) {
    g.in[i] = s.in[i + 1];
    g.out[i] = s.out[i + 1];
    g.kernel[i] = s.kernel[i + 1];
    g.stride[i] = s.stride[i + 1];
    g.dilation[i] = s.dilation[i + 1];
    g.padding[i] = s.padding[i + 1];
  }
  g.in[2] = g.out[2] = images;
  g.kernel[2] = g.stride[2] = g.dilation[2] = 1;
  g.padding[2] = 0;
  g.x_batch_stride = ceil_div(s.in_channels, kLanes) * g.in_pixels() * kLanes;
  g.y_batch_stride = ceil_div(s.out_channels, kLanes) * g.out_pixels() * kLanes;
  return flattened(g);
}

// One block of a group's images. `from` is the first image's.
STRIATE_INLINE void gather_block(const float* from, int64_t stride, int64_t pixels, int64_t count,
                                 int64_t images, float* to) {
  for (int64_t n = 0; n < images; ++n) {
    const float* image = from + n * stride;
    float* place = to + n * kLanes;
    for (int64_t p = 0; p < pixels; ++p, place += images * kLanes) {
      store(place, n < count ? load(image + p * kLanes) : Vector{});
    }
  }
}

}  // namespace striate::STRIATE_TARGET
