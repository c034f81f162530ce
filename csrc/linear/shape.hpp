// Linear layers: the contract of all their kernels.
//
//   y[n,o] = f(b[o] + sum over i of weight[o,i] * x[n,i])
//
// b (bias) and f (activation) are optional. in[0] = x and out[0] = y are plain: (batch, features),
// contiguous, at any address. Or x is a blocked map whose features are its channels and pixels,
// channels first, as a flattened NCHW map has them:
//
//   feature c * pixels + p  is  x[n][c / L][p][c % L]        lanes behind the channels: any number
//
// With `out_row` = out_features rounded up to whole vectors, y is blocked likewise, a map of one
// pixel: lanes behind the features get finite numbers. Else out_row is out_features.
//
// weight[0] = packed weights, weight[1] = bias, out_features rounded up to whole vectors.
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace striate {

struct LinearShape {
  int64_t batch = 1, in_features = 1, out_features = 1;
  int64_t channels = 0, pixels = 0;  // of a blocked x; 0: x is plain
  int64_t row = 1, out_row = 1;      // floats of an image of x and of y
  bool bias = false;
  ActivationSpec activation;
};

}  // namespace striate
