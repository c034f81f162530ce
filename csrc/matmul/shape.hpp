// Products of matrices that are both computed: y[n][i][j] = scale * sum over k of a[n][i][k] *
// b[n][k][j], for a batch n of up to four axes. (Products with weights are csrc/linear.)
//
// Arguments: batch (one to four sizes), rows, depth, columns; a_strides, b_strides (floats from
// place to place of each axis of the batch; 0: the same matrix again); a_transposed (flag: a is
// stored as a[n][k][i]); transposed (flag: b is stored as b[n][j][k]); scale (1).
//
// in[0] = a, in[1] = b, out[0] = y: plain, at any address. Matrices are contiguous, y is as a
// whole.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

constexpr int kMatMulAxes = 4;

struct MatMulShape {
  int axes = 1;
  int64_t batch[kMatMulAxes] = {1}, a_strides[kMatMulAxes] = {}, b_strides[kMatMulAxes] = {};
  int64_t rows = 1, depth = 1, columns = 1;
  bool a_transposed = false, transposed = false;
  float scale = 1;

  int64_t products() const {
    int64_t n = 1;
    for (int axis = 0; axis < axes; ++axis) n *= batch[axis];
    return n;
  }

  // Where matrix n of the batch starts.
  int64_t place(const int64_t* strides, int64_t n) const {
    int64_t at = 0;
    for (int axis = axes - 1; axis >= 0; --axis) {
      at += n % batch[axis] * strides[axis];
      n /= batch[axis];
    }
    return at;
  }
};

}  // namespace striate
