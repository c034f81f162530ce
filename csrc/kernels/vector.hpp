// The vector that kernels are written with: kLanes floats, on whatever the target offers.
//
// Only for files that are compiled once a target (csrc/*/kernels/*.cpp): CMake defines
// STRIATE_TARGET (avx512, avx2, portable8, portable16) and STRIATE_LANES. All is static, in the
// target's own namespace, so that the linker cannot mix the copies.
#pragma once

#include <cstdint>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#define STRIATE_INLINE static inline __attribute__((always_inline))
#define STRIATE_LAMBDA __attribute__((always_inline))
#define STRIATE_UNROLL _Pragma("GCC unroll 64")

namespace striate::STRIATE_TARGET {

constexpr int kLanes = STRIATE_LANES;

// Pixels of a GEMM tile beside two vectors of output channels: what the registers hold.
#if defined(__AVX512F__)
constexpr int kTilePixels = 14;  // 28 sums + 2 weights + 1 input of 32 registers
#elif defined(__AVX2__)
constexpr int kTilePixels = 6;  // 12 sums + 2 weights + 1 input of 16 registers
#elif defined(__aarch64__) && STRIATE_LANES == 8
constexpr int kTilePixels = 6;  // 24 sums + 4 weights + 1 input of 32 registers
#else
constexpr int kTilePixels = 2;
#endif

typedef float Vector __attribute__((vector_size(4 * STRIATE_LANES)));
typedef float UnalignedVector __attribute__((vector_size(4 * STRIATE_LANES), aligned(4)));
typedef int32_t IntVector __attribute__((vector_size(4 * STRIATE_LANES)));

STRIATE_INLINE Vector load(const float* p) {
  return *reinterpret_cast<const Vector*>(p);
}

STRIATE_INLINE Vector load_unaligned(const float* p) {
  return *reinterpret_cast<const UnalignedVector*>(p);
}

STRIATE_INLINE void store(float* p, Vector v) {
  *reinterpret_cast<Vector*>(p) = v;
}

STRIATE_INLINE void store_unaligned(float* p, Vector v) {
  *reinterpret_cast<UnalignedVector*>(p) = v;
}

// A store that leaves no copy in the caches, and reads no line that it writes whole: for results
// that are much larger than they are. Before another thread reads them, settle(). Elsewhere an
// ordinary one.
STRIATE_INLINE void stream(float* p, Vector v) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  if (reinterpret_cast<uintptr_t>(p) % 64 == 0) return _mm512_stream_ps(p, v);
#endif
  store_unaligned(p, v);
}

STRIATE_INLINE void settle() {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  _mm_sfence();
#endif
}

// x - 0 is x for every x; 0 + x would not be for -0.0, and costs an addition.
STRIATE_INLINE Vector broadcast(float x) {
  return x - (Vector){};
}

// Of the larger and the smaller of two numbers, b where one is NaN: as the x86 instruction does.
// The forms with a mask of ones: GCC 12 warns of the others' undefined third operand.
STRIATE_INLINE Vector max(Vector a, Vector b) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  return _mm512_maskz_max_ps(0xffff, a, b);
#elif defined(__AVX2__) && STRIATE_LANES == 8
  return _mm256_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}

STRIATE_INLINE Vector min(Vector a, Vector b) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  return _mm512_maskz_min_ps(0xffff, a, b);
#elif defined(__AVX2__) && STRIATE_LANES == 8
  return _mm256_min_ps(a, b);
#else
  return a < b ? a : b;
#endif
}

// Wants v in a register here, and nothing moved past this place: GCC otherwise schedules the loads
// of many multiply-adds first, and spills.
STRIATE_INLINE void pin([[maybe_unused]] Vector& v) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  asm volatile("" : "+v"(v));
#elif defined(__AVX2__) && STRIATE_LANES == 8
  asm volatile("" : "+x"(v));
#endif
}

// Of whole numbers: sizes and places.
STRIATE_INLINE constexpr int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

STRIATE_INLINE int64_t most(int64_t a, int64_t b) {
  return a > b ? a : b;
}

STRIATE_INLINE constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Where part i begins if n things are cut into near-equal parts.
STRIATE_INLINE int64_t cut(int64_t n, int64_t parts, int64_t i) {
  return n / parts * i + least(n % parts, i);
}

}  // namespace striate::STRIATE_TARGET
