// Fetching what is read next. Only for files that are compiled once a target.
#pragma once

#include "cpu/ahead.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kLineFloats = 16;

STRIATE_INLINE void fetch_line(const float* line) {
  if (striate_fetches_near) {
    __builtin_prefetch(line, 0, 3);
  } else {
    __builtin_prefetch(line, 0, 2);
  }
}

// `count` lines from `next` on, or what is left up to `stop`.
STRIATE_INLINE void fetch_lines(const float*& next, const float* stop, int64_t count) {
  for (const float* last = next + count * kLineFloats; next < last && next < stop;) {
    fetch_line(next);
    next += kLineFloats;
  }
}

}  // namespace striate::STRIATE_TARGET
