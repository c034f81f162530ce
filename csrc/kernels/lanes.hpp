// Lanes of a vector, and those of a map's last block that hold no channel. Only for files that are
// compiled once a target.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// All bits of the first `count` lanes.
STRIATE_INLINE IntVector first_lanes(int64_t count) {
  IntVector lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  return lane < (IntVector{} + static_cast<int32_t>(least(count, kLanes)));
}

STRIATE_INLINE Vector masked(IntVector mask, Vector x) {
  return (Vector)(mask & (IntVector)x);
}

// Lanes of block `block` that hold channels.
STRIATE_INLINE int64_t used_lanes(int64_t channels, int64_t block) {
  return least(kLanes, channels - block * kLanes);
}

// Put 0 behind the first `used` lanes of `pixels` pixels.
STRIATE_INLINE void clear_lanes(float* y, int64_t pixels, int64_t used) {
  if (used >= kLanes) return;
  const IntVector mask = first_lanes(used);
  for (int64_t p = 0; p < pixels; ++p) store(y + p * kLanes, masked(mask, load(y + p * kLanes)));
}

// The numbers behind the last whole vector of a run, 0 behind them.
STRIATE_INLINE Vector load_first(const float* p, int64_t count) {
  alignas(64) float lanes[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = p[i];
  return load(lanes);
}

STRIATE_INLINE void store_first(float* p, Vector v, int64_t count) {
  alignas(64) float lanes[kLanes];
  store(lanes, v);
  for (int64_t i = 0; i < count; ++i) p[i] = lanes[i];
}

// The numbers of a block of channels in a plain array of one a channel, at any address; 0 behind
// them.
STRIATE_INLINE Vector load_channels(const float* p, int64_t channels, int64_t block) {
  const int64_t used = used_lanes(channels, block);
  const float* from = p + block * kLanes;
  return used == kLanes ? load_unaligned(from) : load_first(from, used);
}

STRIATE_INLINE void store_channels(float* p, Vector v, int64_t channels, int64_t block) {
  const int64_t used = used_lanes(channels, block);
  float* to = p + block * kLanes;
  if (used == kLanes) return store_unaligned(to, v);
  store_first(to, v, used);
}

STRIATE_INLINE float sum_of_lanes(Vector v) {
  alignas(64) float lanes[kLanes];
  store(lanes, v);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

// Lane i of the result is the sum of v[i]'s lanes. Each round adds to each vector what lies
// `apart` lanes away, and joins two half-done vectors in one:
//
//   lanes with bit `apart` unset: of v[i]; set: of v[i + apart]
template <int apart>
STRIATE_INLINE void sum_round(Vector* v) {
  IntVector here, there;
  for (int lane = 0; lane < kLanes; ++lane) {
    here[lane] = lane & apart ? kLanes + lane : lane;
    there[lane] = lane & apart ? kLanes + (lane ^ apart) : lane ^ apart;
  }
  STRIATE_UNROLL
  for (int i = 0; i < apart; ++i) {
    v[i] =
        __builtin_shuffle(v[i], v[i + apart], here) + __builtin_shuffle(v[i], v[i + apart], there);
  }
  if constexpr (apart > 1) sum_round<apart / 2>(v);
}

STRIATE_INLINE Vector sums_of_lanes(const Vector (&v)[kLanes]) {
  Vector sums[kLanes];
  for (int i = 0; i < kLanes; ++i) sums[i] = v[i];
  sum_round<kLanes / 2>(sums);
  return sums[0];
}

}  // namespace striate::STRIATE_TARGET
