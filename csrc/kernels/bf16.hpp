// Numbers as sums of two bfloat16, and products of tiles of them: three for one of float32.
//
//   x = high + low + e,  high = bf16(x), low = bf16(x - high), |e| <= 2^-16 |x|
//   x * w  ~  high(x) high(w) + high(x) low(w) + low(x) high(w)      error <= 3 * 2^-16 |x w|
//
// bf16 rounds to the nearest of 8 significant bits. Sums are float32's. (Henry, Tang and Heinecke,
// "Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations",
// ARITH 2019; XLA's BF16_BF16_F32_X3.)
//
// A cell has 32 channels of a pixel in 32 words: 16 words with the high parts, two a word, the even
// channel in the lower half; then 16 with the low ones. Without AMX the kernels of other machines
// read the same weights, and a cell is the 32 numbers themselves.
#pragma once

#include "cpu/amx.hpp"
#include "kernels/lanes.hpp"

#if defined(__AVX512F__) && STRIATE_LANES == 16 && defined(__x86_64__) && __GNUC__ >= 12
#define STRIATE_AMX __attribute__((target("amx-tile,amx-bf16,avx512bf16")))
#endif

namespace striate::STRIATE_TARGET {

constexpr int64_t kCellChannels = 32;  // of a pixel, and words of a cell
constexpr int64_t kTileRows = 16;  // pixels of a tile, or pairs of channels of a tile of weights
constexpr int64_t kTileWords = 256;

// Bits of bf16(x), the lower half 0. NaN stays NaN.
STRIATE_INLINE IntVector bf16_bits(Vector x) {
  const IntVector bits = (IntVector)x;
  const IntVector rounded = (bits + 0x7fff + (bits >> 16 & 1)) & ~0xffff;
  return x == x ? rounded : (IntVector{} + 0x7fc00000);
}

// Words of two channels' high parts and low parts.
STRIATE_INLINE void split_pair(Vector even, Vector odd, IntVector& high, IntVector& low) {
  typedef uint32_t Words __attribute__((vector_size(4 * STRIATE_LANES)));
  const IntVector he = bf16_bits(even), ho = bf16_bits(odd);
  const IntVector le = bf16_bits(even - (Vector)he), lo = bf16_bits(odd - (Vector)ho);
  high = ho | (IntVector)((Words)he >> 16);
  low = lo | (IntVector)((Words)le >> 16);
}

// The numbers of such words, even and odd.
STRIATE_INLINE Vector join_even(IntVector high, IntVector low) {
  return (Vector)(high << 16) + (Vector)(low << 16);
}

STRIATE_INLINE Vector join_odd(IntVector high, IntVector low) {
  return (Vector)(high & ~0xffff) + (Vector)(low & ~0xffff);
}

#ifdef STRIATE_AMX
// split_pair in few instructions.
STRIATE_AMX STRIATE_INLINE void split_quickly(Vector even, Vector odd, IntVector& high,
                                              IntVector& low) {
  const __m512i turn = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24,
                                        8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  high = (IntVector)_mm512_permutexvar_epi16(turn, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
  const Vector high_even = (Vector)(high << 16), high_odd = (Vector)(high & ~0xffff);
  low = (IntVector)_mm512_permutexvar_epi16(
      turn, (__m512i)_mm512_cvtne2ps_pbh(odd - high_odd, even - high_even));
}

// A cell of two vectors of channels.
STRIATE_AMX STRIATE_INLINE void store_cell(float* cell, Vector first, Vector second) {
  const __m512bh high = _mm512_cvtne2ps_pbh(second, first);
  const __m512i bits = (__m512i)high;
  const Vector high0 = _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(bits)), 16));
  const Vector high1 = _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(bits, 1)), 16));
  const __m512bh low = _mm512_cvtne2ps_pbh(second - high1, first - high0);
  store(cell, (Vector)high);
  store(cell + kLanes, (Vector)low);
}
#endif

}  // namespace striate::STRIATE_TARGET
