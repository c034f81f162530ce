// Two of a window's numbers as one. Only for files that are compiled once a target.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// Their sum, or the larger; NaN where one is.
template <bool kAverage>
STRIATE_INLINE Vector joined(Vector a, Vector b) {
  if constexpr (kAverage) return a + b;
  return a != a ? a : max(a, b);  // which gives b where b is NaN
}

STRIATE_INLINE Vector largest(Vector a, Vector b) {
  return joined<false>(a, b);
}

}  // namespace striate::STRIATE_TARGET
