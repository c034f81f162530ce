// Which pixel of a window is the largest. Only for files that are compiled once a target.
#pragma once

#include "kernels/lanes.hpp"

namespace striate::STRIATE_TARGET {

// Places of a vector's windows, a byte each, and as they are worked on.
typedef uint8_t Bytes __attribute__((vector_size(STRIATE_LANES)));
#if defined(__AVX512F__) && STRIATE_LANES == 16
typedef Bytes Places;  // masks stay masks, of any width: GCC 12 makes vectors of them by itself
#else
typedef IntVector Places;
#endif

STRIATE_INLINE Places places_of(int32_t place) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  return (Places)_mm_set1_epi8(static_cast<char>(place));
#else
  return Places{} + place;
#endif
}

// The first of equals, and the last NaN.
struct Winner {
  Vector x;
  Places place;

  STRIATE_LAMBDA void meet(Vector other, Places at) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
    const __mmask16 larger = _mm512_cmp_ps_mask(other, x, _CMP_GT_OQ);
    const __mmask16 wins = larger | _mm512_cmp_ps_mask(other, other, _CMP_UNORD_Q);
    x = _mm512_mask_mov_ps(x, wins, other);
    place = (Places)_mm_mask_mov_epi8((__m128i)place, wins, (__m128i)at);
#else
    const IntVector wins = (other > x) | (other != other);
    x = wins ? other : x;
    place = wins ? at : place;
#endif
  }
};

STRIATE_INLINE void store_places(uint8_t* to, Places places) {
#if defined(__AVX2__) && STRIATE_LANES == 8
  const __m256i wide = (__m256i)places;
  const __m128i words =
      _mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
#else
  *reinterpret_cast<Bytes*>(to) = __builtin_convertvector(places, Bytes);
#endif
}

// x where the place is `place`, else 0.
STRIATE_INLINE Vector load_where(const float* x, const uint8_t* places, int32_t place) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  const __m128i told = _mm_load_si128(reinterpret_cast<const __m128i*>(places));
  return _mm512_maskz_load_ps(_mm_cmpeq_epi8_mask(told, (__m128i)places_of(place)), x);
#elif defined(__AVX2__) && STRIATE_LANES == 8
  const __m128i told = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(places));
  return masked((IntVector)_mm256_cvtepu8_epi32(told) == places_of(place), load(x));
#else
  const Bytes told = *reinterpret_cast<const Bytes*>(places);
  return masked(__builtin_convertvector(told, IntVector) == places_of(place), load(x));
#endif
}

}  // namespace striate::STRIATE_TARGET
