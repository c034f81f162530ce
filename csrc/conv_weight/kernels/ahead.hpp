// Fetching what is read next, a few lines with each tile: the first tiles of a band would
// wait for it.
#pragma once

#include "conv_weight/kernels/bands.hpp"
#include "kernels/fetch.hpp"

namespace striate::STRIATE_TARGET {

struct Ahead {
  const float* from = nullptr;
  int64_t floats = 0, images = 0, blocks = 0;  // of an image and block; how many of each
  int64_t image_stride = 0, block_stride = 0;
  int64_t lines = 0;  // to fetch at a time
  int64_t at = 0, image = 0, block = 0;
};

// `blocks` blocks of a map of `width` columns at the places of a band, in `times` times.
STRIATE_INLINE Ahead fetch_band(const float* map, int64_t image_stride, int64_t block_stride,
                                int64_t blocks, int64_t width, const Band& band, int64_t times) {
  Ahead a;
  a.from =
      map + band.first_image * image_stride + (band.first_row * width + band.first_column) * kLanes;
  const int64_t rows = band.stop_row - band.first_row - 1;
  a.floats = (rows * width + band.stop_column - band.first_column) * kLanes;
  a.images = band.stop_image - band.first_image;
  a.blocks = blocks;
  a.image_stride = image_stride;
  a.block_stride = block_stride;
  a.lines = ceil_div(a.floats * a.images * blocks, kLineFloats * times);
  return a;
}

STRIATE_INLINE void fetch(Ahead& a) {
  for (int64_t i = 0; i < a.lines && a.block < a.blocks; ++i) {
    fetch_line(a.from + a.block * a.block_stride + a.image * a.image_stride + a.at);
    a.at += kLineFloats;
    if (a.at < a.floats) continue;
    a.at = 0;
    if (++a.image < a.images) continue;
    a.image = 0;
    ++a.block;
  }
}

}  // namespace striate::STRIATE_TARGET
