// Cross-entropy of K classes, with label smoothing s: the mean over N images of
//
//   loss[n] = log_sum_exp(x[n]) - (1 - s) x[n, label] - s / K * sum over k of x[n,k]
//
// and its gradient, with `gradient`:
//
//   gx[n,k] = gy / N * (softmax(x[n])[k] - (1 - s) [k is label] - s / K)
//
// in[0] = x, the logits (N, K); in[1] = the labels (N): whole numbers from 0 to K - 1 as floats,
// which hold them exactly below 2^24. out[0] = the loss, one number; with `gradient` in[2] = gy,
// one number, and out[0] = gx (N, K), which may be x. All plain, at any address. A label that is
// none makes its image's numbers NaN, and reads nothing.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

struct CrossEntropyShape {
  int64_t batch = 1, classes = 1;
  float label_smoothing = 0;
  bool gradient = false;
};

}  // namespace striate
