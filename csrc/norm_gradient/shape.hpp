// Gradients of layer, group, instance and local response normalisation (norm/shape.hpp), whose
// statistics are computed anew.
//
// With n = (x - mean) / sqrt(variance + eps), g = gy * weight, and means over what is normalised
// together:
//
//   gx = (g - mean(g) - n * mean(g * n)) / sqrt(variance + eps)     rms: without mean(g)
//   gw = sum of gy * n,   gb = sum of gy     over all that a number of the weight is for
//
//   mode     the mean is taken over                           maps
//   layer    the channels of each pixel                       blocked
//   layer    each row; `plain`: batch rows of `channels`      plain, contiguous
//   group    the pixels of channels / groups channels         blocked
//   response  -: gx alone, by kernels/response.cpp's formula     blocked
//
// Arguments: mode; batch, channels, pixels (1 where `plain`); gy_, x_, gx_batch_stride; eps; weight
// (flag); layer: rms (flag); group: groups; response: size, k, scale (alpha / size), power;
// input (flag: whether gx is wanted).
//
// in = gy, x, weight; out = gx, gw, gb. weight, gw and gb are plain, `channels` numbers each. gx
// may be gy or x. Unused lanes of maps hold and get finite numbers.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

enum class NormGradientMode : int32_t { layer, group, response, count };

struct NormGradientShape {
  NormGradientMode mode = NormGradientMode::layer;
  int64_t batch = 1, channels = 1, pixels = 1, groups = 1, size = 1;
  bool plain = false, rms = false, weight = false, input = false;
  int64_t gy_batch_stride = 0, x_batch_stride = 0, gx_batch_stride = 0;
  float eps = 0, k = 1, scale = 0, power = 0;
};

}  // namespace striate
