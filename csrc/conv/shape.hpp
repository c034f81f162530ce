// Convolution, along up to three axes: the contract of all its kernels.
//
//   y[n,o,i,j,k] = f(b[o] + r[n,o,i,j,k] + sum over c,u,v,w of
//       weight[o,c,u,v,w] * x[n, c, i*s0 - p0 + u*d0, j*s1 - p1 + v*d1, k*s2 - p2 + w*d2])
//
// s, p, d are stride, padding before and dilation along the axes (depth, height, width); an image
// has depth 1, a signal depth and height 1. c runs over the channels of o's group; x is 0 outside
// the map. b (bias), r (residual) and f (activation) are optional.
//
// With `pool`, f is of the largest of 2x2 sums: max pooling of windows of 2x2, 2 apart, in front of
// f. A last row or column that makes no pair is left out. There is no residual, and the weights are
// packed.
//
//   y[n,o,i,j,k] = f(max over v, w = 0, 1 of the sum at (i, 2j + v, 2k + w))
//
// Maps are blocked: channels in blocks of L = the target's lanes, L floats a pixel.
//
//   x[n][c][i][j]  ->  x[n][c / L][i][j][c % L]
//
// A block follows the other; image n starts at n * x_batch_stride, so that several maps can lie
// side by side in one (a concatenation in place). If the channels are no multiple of L, the last
// block's unused lanes may hold any finite number: weights that meet them are 0, and kernels write
// them. x may be plain (N, C, D, H, W), contiguous, where `plain_input` is set.
//
// in[0] = x, in[1] = residual: a map like y; in[2] = scale: (batch, blocks, L), multiplied with x.
// in[3] = plain weights of 1x1 filters, where `plain_weight` is set.
// weight[0] = packed weights, weight[1] = bias, as many floats as blocks of y hold.
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace striate {

// What a convolution and its gradient for the filters share.
struct ConvGeometry {
  int64_t batch = 1;
  int64_t in_channels = 1, out_channels = 1, groups = 1;
  int64_t in[3] = {1, 1, 1};   // depth, height, width of x
  int64_t out[3] = {1, 1, 1};  // places of the window along each axis
  int64_t kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t dilation[3] = {1, 1, 1};
  int64_t padding[3] = {0, 0, 0};  // before the first pixel; behind the last follows from `out`

  bool plain_input = false, bias = false;
  int64_t x_batch_stride = 0, y_batch_stride = 0;  // in floats

  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
};

struct ConvShape : ConvGeometry {
  // Output place i is written to pixel out_start + i * out_step of a map of out_full pixels: a
  // transposed convolution is one convolution for each remainder of its stride.
  int64_t out_full[3] = {1, 1, 1};
  int64_t out_step[3] = {1, 1, 1};
  int64_t out_start[3] = {0, 0, 0};

  // The weights are in[3], as `filters` tells, and tasks pack what they need of them: for weights
  // that are made anew in each call, and used by one task each.
  bool plain_weight = false;
  Filters filters;
  int64_t filters_start = 0, filters_floats = 0;

  bool residual = false, scale = false, pool = false;
  int64_t residual_batch_stride = 0;
  ActivationSpec activation;

  // Pixels of y that the places along an axis make.
  int64_t made(int axis) const { return pool && axis > 0 ? out[axis] / 2 : out[axis]; }
  int64_t full_pixels() const { return out_full[0] * out_full[1] * out_full[2]; }
  bool unit_output() const {  // out_step is 1, as in every ordinary convolution
    return out_step[0] == 1 && out_step[1] == 1 && out_step[2] == 1;
  }
  bool whole_output() const {  // nothing of y is another step's
    return unit_output() && full_pixels() == made(0) * made(1) * made(2);
  }
};

}  // namespace striate
