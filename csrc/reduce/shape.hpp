// One axis of a plain array: x[outer][size][inner] becomes y[outer][inner], a number for each line
// of `size` numbers, `inner` apart, or y[outer][size][inner], one for each of its numbers.
//
//   sum, mean, max, min, prod, l1 (sum of |x|), l2 (root of the sum of squares), sum_square
//   log_sum_exp  log(sum of exp(x)), of x less the line's maximum
//   variance     sum of (x - mean)^2 / divisor;  deviation: its root
//   argmax, argmin  the place of the largest, the smallest; the first of equals, or of NaNs
//   cumsum       the sums of the line's first 1, 2, ... numbers, added up in float64
//   softmax      exp(x) / sum of exp(x), of x less the line's maximum;  log_softmax: its logarithm
//
// Arguments: mode, outer, size, inner; divisor. in[0] = x, out[0] = y, contiguous, at any address;
// y may be x where it has as many numbers. Sums are added up in runs of 256, so that their error
// grows with the root of that.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

enum class ReduceMode : int32_t {
  sum,
  mean,
  max,
  min,
  prod,
  l1,
  l2,
  sum_square,
  log_sum_exp,
  variance,
  deviation,
  softmax,
  log_softmax,
  argmax,
  argmin,
  cumsum,
  count
};

struct ReduceShape {
  ReduceMode mode = ReduceMode::sum;
  int64_t outer = 1, size = 1, inner = 1;
  float divisor = 1;

  bool keeps_size() const {
    return mode == ReduceMode::softmax || mode == ReduceMode::log_softmax ||
           mode == ReduceMode::cumsum;
  }
  bool finds_places() const { return mode == ReduceMode::argmax || mode == ReduceMode::argmin; }
  bool folds() const { return !finds_places() && mode != ReduceMode::cumsum; }
};

}  // namespace striate
