// What kernels that go by rows share: which taps find a number, what a row holds, and where weights
// lie.
#pragma once

#include "image_conv/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

struct Range {
  int64_t first, stop;
};

// Of taps 0 .. kernel-1, those that find one of n numbers from place `from` on.
STRIATE_INLINE Range inside(int64_t from, int64_t kernel, int64_t n) {
  const int64_t first = most(0, -from);
  return {first, most(first, least(kernel, n - from))};
}

alignas(64) static const float kOutside[kLanes] = {};

// Columns `left` .. of a row, 0 outside of its `width`.
template <int A>
STRIATE_INLINE void load_columns(const float* row, int64_t left, int64_t width, Vector (&d)[A]) {
  row += left * kLanes;
  if (left >= 0 && left + A <= width) {
    STRIATE_UNROLL
    for (int j = 0; j < A; ++j) d[j] = load(row + j * kLanes);
  } else {
    STRIATE_UNROLL
    for (int j = 0; j < A; ++j) {
      const bool there = left + j >= 0 && left + j < width;
      d[j] = load(there ? row + j * kLanes : kOutside);
    }
  }
}

// Floats from weight to weight; turned ones are read backwards.
struct WeightSteps {
  int64_t first, out, in, row, tap;
};

STRIATE_INLINE WeightSteps weight_steps(const ImageConvShape& s) {
  const int64_t taps = s.taps();
  if (s.turned) return {taps - 1, taps, s.out_channels * taps, -s.kernel[1], -1};
  return {0, s.in_channels * taps, taps, s.kernel[1], 1};
}

}  // namespace striate::STRIATE_TARGET
