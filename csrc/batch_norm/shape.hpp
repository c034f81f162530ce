// Batch normalisation with statistics that are computed while the network runs: training.
//
//   mode       in                                            out
//   moments    x                                             mean, variance
//   normalise  x, mean, variance, weight, bias, residual     y = f(n * weight + bias + residual)
//   gradient   gy, x, mean, variance, weight, bias, y, added gx, gw, gb, gr
//
// with n = (x - mean) / sqrt(variance + eps), f an activation. mean and variance (divided by the
// count) are over the batch and all pixels. Of the gradient, with g = (gy + added) * mask and means
// over a channel:
//
//   gb = sum of g,   gw = sum of g * n,   gr = g, the gradient of the residual
//   gx = (g - mean(g) - n * mean(g * n)) * weight / sqrt(variance + eps)      `training`
//   gx = g * weight / sqrt(variance + eps)                                    otherwise
//
//   mask    1 where low < v < high, else 0 (v NaN: 1), for the clamp that follows the norm
//   none    there is none
//   own     v = n * weight + bias: as the norm made it, so that y need not be kept nor read
//   output  v = y: with a residual
//
// With `pooled` the norm's outputs, of sizes `in`, went into a max pooling of windows of `window`
// pixels side by side: gy is the gradient of what was kept, in[7] has the places in the windows
// where it was (csrc/pool), and g is 0 elsewhere. There is no `added`, no residual, and no mask but
// `own`.
//
// With `numbers` another step makes gx, that of a first layer's filters, which alone reads it.
// out[0] has what it needs of each block of L channels, all else of which g is made it reads
// itself:
//
//   [block][mean | scale | bias | b | c][L]     gx = g * scale + (x - mean) * b + c
//
// with scale = weight / sqrt(variance + eps).
//
// Arguments: mode; batch, channels, pixels; x_batch_stride, of normalise y_ and
// residual_batch_stride, of gradient gy_, y_, added_, gx_ and residual_batch_stride (gr's); eps;
// weight, bias, added (flags); residual (flag: in[5] of normalise, out[3] of
// gradient); activation, alpha, beta of normalise; training, input (flag: whether gx is wanted),
// mask, low, high, pooled (flag), in, window of gradient.
//
// Maps are blocked as for convolution (conv/shape.hpp); unused lanes hold and get finite numbers.
// All that is a number a channel is a plain array at any address. y may be x; gx or gr may be gy.
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace striate {

enum class BatchNormMode : int32_t { moments, normalise, gradient, count };
enum class BatchNormMask : int32_t { none, own, output, count };

// What g is made of.
struct BatchNormGiven {
  int64_t channels = 1, pixels = 1;
  int64_t gy_batch_stride = 0, added_batch_stride = 0;
  bool added = false, pooled = false;
  int64_t in[3] = {1, 1, 1}, window[3] = {1, 1, 1};  // of what was pooled
  BatchNormMask mask = BatchNormMask::none;
  float low = 0, high = 0;  // high is NaN where there is no end: nothing reaches it

  // Of a channel of gy.
  int64_t given_pixels() const {
    if (!pooled) return pixels;
    return in[0] / window[0] * (in[1] / window[1]) * (in[2] / window[2]);
  }
};

struct BatchNormShape : BatchNormGiven {
  BatchNormMode mode = BatchNormMode::normalise;
  int64_t batch = 1;
  int64_t x_batch_stride = 0, y_batch_stride = 0, residual_batch_stride = 0, gx_batch_stride = 0;
  float eps = 0;
  bool weight = false, bias = false, residual = false, training = false;
  bool input = false, numbers = false;
  ActivationSpec activation;
};

constexpr int kBatchNormNumbers = 5;  // vectors of a block

}  // namespace striate
