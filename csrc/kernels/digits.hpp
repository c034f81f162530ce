// Numbers as three digits of eight bits, and products of tiles of them: six for one of float32.
//
//   x = unit * (a + b / 2^8 + c / 2^16) + e,    unit = peak / 127.5,    |e| <= unit / 2^17
//   x * x' ~ unit * unit' * (aa' + (ab' + ba') / 2^8 + (ac' + bb' + ca') / 2^16)
//
// where no number that shares the unit exceeds the peak. Digits are -128 .. 127, sums of their
// products exact in 32 bits. What is left out and what was rounded are less than 2^-22 of the
// product of the two peaks. (Ootomo, Ozaki and Yokota, "DGEMM on integer matrix multiplication
// unit", 2024.)
//
// A cell has 64 channels of a pixel: 16 words with the first digits, 16 with the second ones and 16
// with the third ones; word l those of channels l, 16 + l, 32 + l and 48 + l. Without AMX, and for
// numbers that are not finite, a cell is the 64 numbers themselves.
#pragma once

#include "cpu/amx.hpp"
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"

#if defined(__AVX512F__) && STRIATE_LANES == 16 && defined(__x86_64__) && __GNUC__ >= 12
#define STRIATE_AMX __attribute__((target("amx-tile,amx-int8")))
#endif

namespace striate::STRIATE_TARGET {

constexpr int kDigits = 3;
constexpr int kCellBlocks = 4;         // of channels
constexpr int64_t kCellChannels = 64;  // of a pixel
constexpr int64_t kCellWords = 64;     // of which digits take 48
constexpr int64_t kDigitWords = 16;    // of a cell
constexpr int64_t kTileRows = 16;      // pixels of a tile, or words of channels of weights
constexpr int64_t kTileWords = 256;
constexpr int64_t kMostProducts = 40000;  // of a sum: three times as many of digits are < 2^31
constexpr float kMostUnits =
    0x7f7fp-8f;                          // 127.5: rounded up by a few, its first digit is 127 still
constexpr float kLeastPeak = 0x1p-100f;  // so that no unit is too small for a float

STRIATE_INLINE IntVector absolute_bits(Vector x) {
  return (IntVector)x & 0x7fffffff;
}

// Of numbers without a sign as of their bits: NaN is the largest, then what is infinite.
STRIATE_INLINE IntVector larger(IntVector a, IntVector b) {
  return a > b ? a : b;
}

STRIATE_INLINE int32_t largest_lane(IntVector x) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  return _mm512_reduce_max_epi32((__m512i)x);
#endif
  int32_t peak = x[0];
  for (int i = 1; i < kLanes; ++i) peak = x[i] > peak ? x[i] : peak;
  return peak;
}

// Of numbers with this peak.
STRIATE_INLINE Vector unit_of(Vector peak) {
  return max(broadcast(kLeastPeak), peak) / kMostUnits;
}

// The same, by the bits of one.
STRIATE_INLINE float unit_of(int32_t peak) {
  float x;
  __builtin_memcpy(&x, &peak, sizeof(x));
  return (x < kLeastPeak ? kLeastPeak : x) / kMostUnits;  // NaN stays NaN
}

// What makes 2^-16 units of numbers.
template <typename Number>
STRIATE_INLINE Number per_unit(Number unit) {
  return 0x1p16f / unit;
}

// To the nearest whole number.
STRIATE_INLINE IntVector whole(Vector x) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  return (IntVector)_mm512_maskz_cvtps_epi32(0xffff, x);  // this form: see max in vector.hpp
#else
  return __builtin_convertvector(round(x), IntVector);
#endif
}

// Digits of four vectors of whole numbers, the first ones first: in a word one of each vector.
STRIATE_INLINE void split_digits(const IntVector (&x)[kCellBlocks], IntVector (&digit)[kDigits]) {
  constexpr int32_t kEven = 0x00ff00ff, kOdd = ~kEven, kLower = 0xffff, kUpper = ~kLower;
  constexpr int32_t kHalf = 0x808080, kSigns = static_cast<int32_t>(0x80808080);
  // With half of a digit's range added to each, none borrows of the one in front of it.
  const IntVector a = x[0] + kHalf, b = x[1] + kHalf, c = x[2] + kHalf, d = x[3] + kHalf;
  const IntVector even_ab = (a & kEven) | (b << 8 & kOdd), odd_ab = (a >> 8 & kEven) | (b & kOdd);
  const IntVector even_cd = (c & kEven) | (d << 8 & kOdd), odd_cd = (c >> 8 & kEven) | (d & kOdd);
  digit[0] = ((even_ab >> 16 & kLower) | (even_cd & kUpper)) ^ kSigns;
  digit[1] = ((odd_ab & kLower) | odd_cd << 16) ^ kSigns;
  digit[2] = ((even_ab & kLower) | even_cd << 16) ^ kSigns;
}

// Store the digits of four vectors, in 2^-16 units: the next digits lie `apart` floats behind.
STRIATE_INLINE void store_digits(const Vector (&x)[kCellBlocks], float* to, int64_t apart) {
  const IntVector numbers[kCellBlocks] = {whole(x[0]), whole(x[1]), whole(x[2]), whole(x[3])};
  IntVector digit[kDigits];
  split_digits(numbers, digit);
  STRIATE_UNROLL
  for (int k = 0; k < kDigits; ++k) store(to + k * apart, (Vector)digit[k]);
}

// Vector `i` of the four, in units.
STRIATE_INLINE Vector join_digits(const IntVector (&digit)[kDigits], int i) {
  IntVector x = {};
  for (int k = 0; k < kDigits; ++k) x = (x << 8) + (digit[k] << (24 - 8 * i) >> 24);
  return __builtin_convertvector(x, Vector) * 0x1p-16f;
}

}  // namespace striate::STRIATE_TARGET
