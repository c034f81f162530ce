// Sums of maps: of a channel over its places, image by image, or over all images as well.
//
//   over     y                                        where it lies
//   places   y[n,c] = sum over p of x[n,c,p] * b[n,c,p]     blocked: (batch, blocks, L)
//   images   y[c]   = sum over n, p of the same             plain: channels numbers, any address
//
// Without `product` there is no b: the gradient of a bias. With it, that of a factor: of squeeze-
// excite's for each image, of a layer's scale for all.
//
// x and b are blocked maps (conv/shape.hpp): in[0], in[1], image n at n * x_batch_stride (b_).
// out[0] = y. Unused lanes of a blocked y hold finite numbers. Sums are added up in runs, and runs
// in order.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

struct SumsShape {
  int64_t batch = 1, channels = 1, pixels = 1;
  int64_t x_batch_stride = 0, b_batch_stride = 0;
  bool product = false, images = false;
};

}  // namespace striate
