// Partial sums: bands are dealt out to chunks, which several threads take at once where there are
// few channels. How many there are depends on the shape only.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/transpose.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kTasks = 16;      // so that several threads share them evenly
constexpr int64_t kLeastBands = 4;  // of a chunk: each adds its sums to memory, and is added up

// Gradients of so many weights are written past the caches: who reads them comes much later.
constexpr int64_t kPastFloats = 1 << 17;

STRIATE_INLINE int64_t chunks_of(int64_t bands, int64_t tasks_of_a_band) {
  return least(ceil_div(bands, kLeastBands), ceil_div(kTasks, tasks_of_a_band));
}

STRIATE_INLINE void clear(float* to, int64_t floats) {
  for (int64_t i = 0; i < floats; i += kLanes) store(to + i, Vector{});
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

// to[(lane - first) * row + i] = lane of the vector at from + i * step: lanes first .. stop-1 of
// `count` vectors. kPast: past the caches.
template <bool kPast = false>
STRIATE_INLINE void turn(const float* from, int64_t step, int64_t count, int64_t first,
                         int64_t stop, float* to, int64_t row) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Vector v[kLanes];
    STRIATE_UNROLL
    for (int j = 0; j < kLanes; ++j) v[j] = load(from + (i + j) * step);
    transpose(v);
    STRIATE_UNROLL
    for (int lane = 0; lane < kLanes; ++lane) {
      if (lane < first || lane >= stop) continue;
      float* const at = to + (lane - first) * row + i;
      kPast ? stream(at, v[lane]) : store_unaligned(at, v[lane]);
    }
  }
  for (; i < count; ++i) {
    for (int64_t lane = first; lane < stop; ++lane) {
      to[(lane - first) * row + i] = from[i * step + lane];
    }
  }
}

}  // namespace striate::STRIATE_TARGET
