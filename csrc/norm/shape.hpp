// Normalisations: y = f((x - mean) / sqrt(variance + eps) * weight + bias), f an activation.
//
//   mode      the mean is taken over                              x and y
//   layer     the channels of each pixel                          blocked maps
//   layer     each row; `plain`: batch rows of `channels`         plain, contiguous
//   group     the pixels of channels / groups channels            blocked maps
//   response  -: y = f(x / (k + scale * sum of x^2 over `size` neighbouring channels)^power),
//             channels c - size / 2 .. c + (size - 1) / 2         blocked maps
//
// Arguments: mode; batch, channels, pixels (1 where `plain`); x_batch_stride, y_batch_stride of
// maps inside others; activation, alpha, beta. layer and group: eps, weight and bias (flags);
// layer: rms (flag: without the mean); group: groups. response: size, k, scale (alpha / size),
// power.
//
// in[0] = x. weight[0] = weight, weight[1] = bias: a number a channel, filled up with 0 to whole
// blocks if the map is blocked. out[0] = y, which may be x. Unused lanes of y are finite.
//
// Mean and variance in two passes: the sum gives a first mean, and what is left over in the sum of
// x - mean corrects both, so that they are as exact as float32 holds also where the mean is large
// beside the deviation (Chan, Golub and LeVeque 1983, eq. 1.7).
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace striate {

enum class NormMode : int32_t { layer, group, response, count };

struct NormShape {
  NormMode mode = NormMode::layer;
  int64_t batch = 1, channels = 1, pixels = 1;
  int64_t groups = 1, size = 1;
  bool plain = false, rms = false, weight = false, bias = false;
  int64_t x_batch_stride = 0, y_batch_stride = 0;
  float eps = 0, k = 1, scale = 0, power = 0;
  ActivationSpec activation;
};

}  // namespace striate
