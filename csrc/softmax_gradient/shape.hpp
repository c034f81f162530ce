// The gradient of softmax along one axis of plain arrays [outer][size][inner]:
//
//   gx = y * (gy - sum over the line of gy * y)        y = softmax(x)
//   gx = gy - exp(y) * sum over the line of gy         y = log_softmax(x), with `log`
//
// Arguments: outer, size, inner, log. in[0] = gy, in[1] = y, out[0] = gx, which may be either:
// contiguous, at any address.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

struct SoftmaxGradientShape {
  int64_t outer = 1, size = 1, inner = 1;
  bool log = false;
};

}  // namespace striate
