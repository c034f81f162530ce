// Partial sums: bands are dealt out to chunks, which several threads take at once where there are
// few channels. How many there are depends on the shape only.
#pragma once

#include "kernels/lanes.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kTasks = 16;  // so that several threads share them evenly

STRIATE_INLINE int64_t chunks_of(int64_t bands, int64_t tasks_of_a_band) {
  return most(1, least(bands, ceil_div(kTasks, tasks_of_a_band)));
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

// Lane j of vector i and lane i of vector j change places: squares of `apart` numbers, then
// smaller ones inside of them.
template <int apart>
STRIATE_INLINE void transpose(Vector (&v)[kLanes]) {
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
  if constexpr (apart > 1) transpose<apart / 2>(v);
}

// to[(lane - first) * row + i] = lane of the vector at from + i * step: lanes first .. stop-1 of
// `count` vectors.
STRIATE_INLINE void turn(const float* from, int64_t step, int64_t count, int64_t first,
                         int64_t stop, float* to, int64_t row) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Vector v[kLanes];
    STRIATE_UNROLL
    for (int j = 0; j < kLanes; ++j) v[j] = load(from + (i + j) * step);
    transpose<kLanes / 2>(v);
    STRIATE_UNROLL
    for (int lane = 0; lane < kLanes; ++lane) {
      if (lane >= first && lane < stop) store_unaligned(to + (lane - first) * row + i, v[lane]);
    }
  }
  for (; i < count; ++i) {
    for (int64_t lane = first; lane < stop; ++lane) {
      to[(lane - first) * row + i] = from[i * step + lane];
    }
  }
}

}  // namespace striate::STRIATE_TARGET
