// What the target's arithmetic and loads reach, for the measurements in engine/speed.hpp.
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// As many independent sums as a GEMM tile has, in registers: no loads, no stores.
extern double multiply_add(int64_t rounds, float* sink);
double multiply_add(int64_t rounds, float* sink) {
  constexpr int kSums = 2 * kTilePixels;
  Vector sum[kSums];
  STRIATE_UNROLL
  for (int i = 0; i < kSums; ++i) sum[i] = broadcast(sink[i]);
  const Vector x = broadcast(sink[kSums]), w = broadcast(sink[kSums + 1]);
  _Pragma("GCC unroll 1") for (int64_t round = 0; round < rounds; ++round) {
    STRIATE_UNROLL
    for (int repeat = 0; repeat < 4; ++repeat) {
      STRIATE_UNROLL
      for (int i = 0; i < kSums; ++i) sum[i] += x * w;
    }
  }
  Vector total = sum[0];
  STRIATE_UNROLL
  for (int i = 1; i < kSums; ++i) total += sum[i];
  store_unaligned(sink, total);
  return static_cast<double>(rounds) * 4 * kSums * kLanes * 2;
}

// Four sums, so that additions never wait for one another.
extern void read(const float* from, int64_t floats, float* sink);
void read(const float* from, int64_t floats, float* sink) {
  Vector sum[4] = {};
  for (int64_t i = 0; i + 8 * kLanes <= floats; i += 8 * kLanes) {
    STRIATE_UNROLL
    for (int j = 0; j < 8; ++j) sum[j % 4] += load(from + i + j * kLanes);
  }
  store_unaligned(sink, sum[0] + sum[1] + sum[2] + sum[3]);
}

}  // namespace striate::STRIATE_TARGET
