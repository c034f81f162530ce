// A square of numbers turned in registers. Only for files that are compiled once a target.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// Squares of `apart` by `apart` numbers off the diagonal change places, then smaller ones inside.
template <int apart>
STRIATE_INLINE void swap_squares(Vector (&v)[kLanes]) {
  IntVector low, high;
  for (int lane = 0; lane < kLanes; ++lane) {
    low[lane] = lane & apart ? kLanes + (lane ^ apart) : lane;
    high[lane] = lane & apart ? kLanes + lane : lane ^ apart;
  }
  STRIATE_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if (i & apart) continue;
    const Vector a = v[i], b = v[i + apart];
    v[i] = __builtin_shuffle(a, b, low);
    v[i + apart] = __builtin_shuffle(a, b, high);
  }
  if constexpr (apart > 1) swap_squares<apart / 2>(v);
}

// Lane j of vector i and lane i of vector j change places.
STRIATE_INLINE void transpose(Vector (&v)[kLanes]) {
  swap_squares<kLanes / 2>(v);
}

}  // namespace striate::STRIATE_TARGET
