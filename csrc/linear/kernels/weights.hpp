// The packed weights that all linear kernels share, so that one copy serves every batch size:
// panels of 2 vectors of outputs, the last of 3 where their number is odd
// (conv/kernels/panels.hpp).
//
//   panel 0:  | k0: v0 v1 | k1: v0 v1 | ...      k in the order in which x lies in memory
//   panel 1:  | k0: v2 v3 | ...
#pragma once

#include "conv/kernels/panels.hpp"
#include "linear/shape.hpp"

namespace striate::STRIATE_TARGET {

STRIATE_INLINE int64_t linear_vectors(const LinearShape& s) {
  return ceil_div(s.out_features, kLanes);
}

STRIATE_INLINE int64_t linear_weight_floats(const LinearShape& s) {
  return ceil_div(linear_vectors(s) * kLanes * s.row, 16) * 16;
}

// The feature that float k of a row of x holds; -1 for an unused lane.
STRIATE_INLINE int64_t linear_feature(const LinearShape& s, int64_t k) {
  if (s.channels == 0) return k;
  const int64_t channel = k / kLanes / s.pixels * kLanes + k % kLanes;
  return channel < s.channels ? channel * s.pixels + k / kLanes % s.pixels : -1;
}

// weights.cpp
void linear_pack(const LinearShape& s, const Filters& w, float* packed, int64_t first,
                 int64_t stop);

// Write a vector of outputs, of which the last may have unused lanes.
STRIATE_INLINE void linear_store(const LinearShape& s, Vector sum, int64_t vector, float* row) {
  float* to = row + vector * kLanes;
  const int64_t count = s.out_features - vector * kLanes;
  if (count >= kLanes) {
    store_unaligned(to, sum);
    return;
  }
  alignas(64) float lanes[kLanes];
  store(lanes, sum);
  for (int64_t i = 0; i < count; ++i) to[i] = lanes[i];
  for (int64_t i = count; i < s.out_row - vector * kLanes; ++i) to[i] = 0;
}

}  // namespace striate::STRIATE_TARGET
