// The gradient of y = x > 0 ? x : slope[c] * x, for x and for the slopes:
//
//   gx = x > 0 ? gy : slope[c] * gy        gw[c] = sum over images and places of x > 0 ? 0 : gy * x
//
// gy, x and gx are blocked maps (conv/shape.hpp): in[0], in[1], out[0], image n at n *
// gy_batch_stride (x_, gx_); in[2] = slope (blocks, L). gx may be gy or x. out[1] = gw: plain,
// `channels` numbers. Unused lanes of gx are 0. Sums are added up in runs, and runs in order.
//
// Arguments: batch, channels, pixels and the strides.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

struct PReLUGradientShape {
  int64_t batch = 1, channels = 1, pixels = 1;
  int64_t gy_batch_stride = 0, x_batch_stride = 0, gx_batch_stride = 0;
};

}  // namespace striate
