// Fetching what is read next. Only for files that are compiled once a target.
#pragma once

#include "cpu/ahead.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kLineFloats = 16;

// The next of `stop - next` floats' lines, `count` or what is left of them.
STRIATE_INLINE void fetch_lines(const float*& next, const float* stop, int64_t count) {
  const bool near = striate_fetches_near;
  for (; count > 0 && next < stop; --count, next += kLineFloats) {
    if (near) {
      __builtin_prefetch(next, 0, 3);
    } else {
      __builtin_prefetch(next, 0, 2);
    }
  }
}

}  // namespace striate::STRIATE_TARGET
