// Numbers that change lanes: a square turned, a row dealt out or moved by one. Only for files that
// are compiled once a target.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// Squares of `apart` by `apart` numbers off the diagonal change places, then smaller ones inside.
template <int apart, int N>
STRIATE_INLINE void swap_squares(Vector (&v)[N]) {
  IntVector low, high;
  for (int lane = 0; lane < kLanes; ++lane) {
    low[lane] = lane & apart ? kLanes + (lane ^ apart) : lane;
    high[lane] = lane & apart ? kLanes + lane : lane ^ apart;
  }
  STRIATE_UNROLL
  for (int i = 0; i < N; ++i) {
    if (i & apart) continue;
    const Vector a = v[i], b = v[i + apart];
    v[i] = __builtin_shuffle(a, b, low);
    v[i + apart] = __builtin_shuffle(a, b, high);
  }
  if constexpr (apart > 1) swap_squares<apart / 2>(v);
}

// Lane j of vector i and lane i of vector j change places; of fewer vectors than lanes, those of
// each N lanes do.
template <int N>
STRIATE_INLINE void transpose(Vector (&v)[N]) {
  swap_squares<N / 2>(v);
}

// Number i of the N vectors' goes to vector i % N, N a power of 2: as cards are dealt.
template <int N>
STRIATE_INLINE void deal(Vector (&v)[N]) {
  if constexpr (N > 1) {
    IntVector even, odd;
    for (int lane = 0; lane < kLanes; ++lane) {
      even[lane] = 2 * lane;
      odd[lane] = 2 * lane + 1;
    }
    Vector evens[N / 2], odds[N / 2];
    STRIATE_UNROLL
    for (int i = 0; i < N / 2; ++i) {
      evens[i] = __builtin_shuffle(v[2 * i], v[2 * i + 1], even);
      odds[i] = __builtin_shuffle(v[2 * i], v[2 * i + 1], odd);
    }
    deal(evens);
    deal(odds);
    STRIATE_UNROLL
    for (int i = 0; i < N / 2; ++i) {
      v[2 * i] = evens[i];
      v[2 * i + 1] = odds[i];
    }
  }
}

// Lanes 1, 2, ... of a, and lane 0 of b behind them.
STRIATE_INLINE Vector shifted(Vector a, Vector b) {
  IntVector lanes;
  for (int i = 0; i < kLanes; ++i) lanes[i] = i + 1;
  return __builtin_shuffle(a, b, lanes);
}

// The lower or the upper half of a vector, with zeros behind it.
template <bool kUpper>
STRIATE_INLINE Vector half_of(Vector v) {
  constexpr int kHalf = kLanes / 2;
  IntVector from;
  STRIATE_UNROLL
  for (int i = 0; i < kLanes; ++i) from[i] = i < kHalf ? i + (kUpper ? kHalf : 0) : kLanes + i;
  return __builtin_shuffle(v, Vector{}, from);
}

}  // namespace striate::STRIATE_TARGET
