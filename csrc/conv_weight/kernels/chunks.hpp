// Partial sums: bands are dealt out to chunks, which several threads take at once where there are
// few channels. How many there are depends on the shape only.
#pragma once

#include "kernels/lanes.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kTasks = 16;  // so that several threads share them evenly

STRIATE_INLINE int64_t chunks_of(int64_t bands, int64_t tasks_of_a_band) {
  return most(1, least(bands, ceil_div(kTasks, tasks_of_a_band)));
}

// Add those of the other chunks, `apart` floats from one another, to the first one's.
STRIATE_INLINE void add_chunks(float* first, int64_t floats, int64_t chunks, int64_t apart) {
  if (chunks == 1) return;
  for (int64_t i = 0; i < floats; i += kLanes) {
    Vector sum = load(first + i);
    for (int64_t c = 1; c < chunks; ++c) sum += load(first + c * apart + i);
    store(first + i, sum);
  }
}

}  // namespace striate::STRIATE_TARGET
