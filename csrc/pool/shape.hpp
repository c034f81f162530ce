// Pooling, along up to three axes: the contract of its kernels.
//
//   max  y[n,c,i] = f(max over u of x[n, c, i*s - p + u*d]),   pixels outside the map left out
//   avg  y[n,c,i] = f(sum over u of x[n, c, i*s - p + u*d] / count(i)),   0 outside the map
//
// count is `divisor` where it is set; else how many of the window's pixels lie inside the map, or,
// with count_include_pad, inside the map padded by `padding` before and `padding_after` behind
// (what hangs over that, as in ceil mode, is never counted). With `adaptive` the window of place i
// of m along an axis of n pixels is floor(i*n/m) .. ceil((i+1)*n/m) - 1; kernel, stride, dilation
// and padding are not used.
//
// A NaN in a window is its largest number.
//
// With `norm` windows read what a batch norm makes of x, (x - mean) / sqrt(variance + eps) * weight
// + bias, which is written nowhere. in[1] = mean, in[2] = variance, in[3] = weight, in[4] = bias: a
// number a channel, plain, at any address; those of `weight` and `bias` where they are set.
//
// Maps are blocked as for convolution (conv/shape.hpp); unused lanes hold and get finite numbers.
// in[0] = x, out[0] = y. With `places` (of a maximum of windows of up to kMaxPlaces pixels, not
// adaptive) out[1] tells which pixel of each window won, for its gradient: the first of equals, the
// last NaN, by its place u in the whole window, padding included. They lie as y would in its own
// map, each as one byte.
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace striate {

constexpr int64_t kMaxPlaces = 255;

struct PoolShape {
  int64_t batch = 1, channels = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  int64_t kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
  int64_t padding[3] = {0, 0, 0}, padding_after[3] = {0, 0, 0};
  bool average = false, adaptive = false, count_include_pad = false;
  bool places = false;
  bool norm = false, weight = false, bias = false;
  float eps = 0;
  int64_t divisor = 0;                             // 0: the count
  int64_t x_batch_stride = 0, y_batch_stride = 0;  // in floats
  ActivationSpec activation;

  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
  int64_t window() const { return kernel[0] * kernel[1] * kernel[2]; }
};

}  // namespace striate
