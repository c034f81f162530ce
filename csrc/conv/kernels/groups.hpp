// Groups of a few channels, side by side in a vector.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// Channel J of each group of G in all of the group's lanes.
template <int G, int J>
STRIATE_INLINE Vector spread(Vector v) {
  if constexpr (G == 1) {
    return v;
  } else {
    IntVector from;
    STRIATE_UNROLL
    for (int i = 0; i < kLanes; ++i) from[i] = i / G * G + J;
    return __builtin_shuffle(v, from);
  }
}

}  // namespace striate::STRIATE_TARGET
