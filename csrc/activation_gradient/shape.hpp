// Gradients of activations, number by number: gx = gy * f'(x).
//
//   of y = f(x)  clamp, sigmoid, tanh, exp, sqrt, rsqrt, reciprocal   in[1] = y
//   of x         the others that have a slope                        in[1] = x
//
// A number at a corner of f takes the slope that torch gives it: 0 at both ends of a clamp. Where
// the slope is 0 because f is flat there, gx is 0 whatever gy is, as in torch.
//
// Maps are like those of `elementwise`: blocked, or contiguous where `plain`. in[0] = gy, in[1] as
// above, out[0] = gx, which may be one of them itself. With `added`, in[2] is added to gy first:
// the gradient that comes through a shortcut. Image n starts at n * gy_batch_stride (x_, added_,
// gx_). Unused lanes of gx are 0.
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace striate {

struct ActivationGradientShape {
  int64_t batch = 1, channels = 1, pixels = 1;
  bool plain = false, added = false;
  int64_t gy_batch_stride = 0, x_batch_stride = 0, gx_batch_stride = 0, added_batch_stride = 0;
  ActivationSpec activation;
};

}  // namespace striate
