// Sums of what is measured. Only for files that are compiled once a target.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// Sums of x - mean and of its squares over `pixels` vectors. Four of each side by side hide the
// latency of additions.
STRIATE_INLINE void centred_sums(const float* x, int64_t pixels, Vector mean, Vector* sum,
                                 Vector* squares) {
  Vector sums[4] = {}, square[4] = {};
  int64_t p = 0;
  for (; p + 4 <= pixels; p += 4) {
    STRIATE_UNROLL
    for (int k = 0; k < 4; ++k) {
      const Vector v = load(x + (p + k) * kLanes) - mean;
      sums[k] += v;
      square[k] += v * v;
    }
  }
  for (; p < pixels; ++p) {
    const Vector v = load(x + p * kLanes) - mean;
    sums[0] += v;
    square[0] += v * v;
  }
  *sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  *squares = (square[0] + square[1]) + (square[2] + square[3]);
}

// Count, mean and sum of squares around it of some numbers.
struct Moments {
  double count, mean, squares;

  // Chan, Golub and LeVeque 1983.
  STRIATE_LAMBDA void join(const Moments& b) {
    const double all = count + b.count, apart = b.mean - mean;
    mean += apart * b.count / all;
    squares += b.squares + apart * apart * count * b.count / all;
    count = all;
  }
};

}  // namespace striate::STRIATE_TARGET
