// Products of tiles of pixels and panels of weights, both split in two bfloat16 (bf16.hpp). Only
// for files that are compiled once a target.
#pragma once

#include "kernels/bf16.hpp"

namespace striate::STRIATE_TARGET {

// What is multiplied: cells from the first pixel on, a panel of weights, and the steps of K.
struct TileProduct {
  const float* cells;
  const float* w;
  const float* bias;  // of the panel's vectors, or null
  int64_t layers, layer_floats;
  const int64_t* tap;  // floats from a pixel to what a tap reads
  int64_t taps;
  // Weights that are fetched to L2 meanwhile: so many lines of each quarter of a panel in each
  // step, since a core reads memory faster in four places than in one.
  const float* fetch;
  int64_t fetch_lines;
  bool more;  // add to the sums that are there, instead of the bias: by tiles alone
};

typedef void (*Multiply)(const TileProduct&, float* sums);

// sums[tile][vector][16 pixels][16 outputs] of NP tiles of pixels and NV vectors of outputs.
template <int NP, int NV>
static void multiply_by_vectors(const TileProduct& p, float* sums) {
  constexpr int kRows = 4;
  for (int first = 0; first < NP * kTileRows; first += kRows) {
    Vector sum[NV][kRows];
    for (int v = 0; v < NV; ++v) {
      const Vector start = p.bias != nullptr ? load(p.bias + v * kLanes) : Vector{};
      for (int i = 0; i < kRows; ++i) sum[v][i] = start;
    }
    const float* w = p.w;
    for (int64_t layer = 0; layer < p.layers; ++layer) {
      for (int64_t tap = 0; tap < p.taps; ++tap, w += 2 * NV * kTileWords) {
        const float* a = p.cells + layer * p.layer_floats + p.tap[tap] + first * kCellChannels;
        for (int pair = 0; pair < kTileRows; ++pair) {
          STRIATE_UNROLL
          for (int v = 0; v < NV; ++v) {
            const float* words = w + v * kTileWords + pair * kLanes;
            const IntVector high = (IntVector)load(words);
            const IntVector low = (IntVector)load(words + NV * kTileWords);
            const Vector even = join_even(high, low), odd = join_odd(high, low);
            STRIATE_UNROLL
            for (int i = 0; i < kRows; ++i) {
              const float* x = a + i * kCellChannels + 2 * pair;
              sum[v][i] += broadcast(x[0]) * even;
              sum[v][i] += broadcast(x[1]) * odd;
            }
          }
        }
      }
    }
    for (int v = 0; v < NV; ++v) {
      for (int i = 0; i < kRows; ++i) {
        const int row = (first + i) % kTileRows, tile = (first + i) / kTileRows;
        store(sums + ((tile * NV + v) * kTileRows + row) * kLanes, sum[v][i]);
      }
    }
  }
}

#ifdef STRIATE_AMX
// Eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

constexpr int64_t kCellBytes = 4 * kCellChannels, kRowBytes = 64;

// Add products of cells' parts and weights' parts. Tiles 0 to 3 are sums, 4 and 5 pixels, 6 and 7
// weights, which may stay from the call before.
template <int NP, int NV, bool kLoadWeights>
STRIATE_AMX STRIATE_INLINE void add_products(const float* cells, const float* w) {
  _tile_loadd(4, cells, kCellBytes);
  if constexpr (kLoadWeights) _tile_loadd(6, w, kRowBytes);
  _tile_dpbf16ps(0, 4, 6);
  if constexpr (NV == 2) {
    if constexpr (kLoadWeights) _tile_loadd(7, w + kTileWords, kRowBytes);
    _tile_dpbf16ps(1, 4, 7);
  }
  if constexpr (NP == 2) {
    _tile_loadd(5, cells + kTileRows * kCellChannels, kCellBytes);
    _tile_dpbf16ps(2, 5, 6);
    if constexpr (NV == 2) _tile_dpbf16ps(3, 5, 7);
  }
}

template <int NP, int NV>
STRIATE_AMX static void multiply_by_tiles(const TileProduct& p, float* sums) {
  asm volatile("" ::: "memory");  // GCC's loads of tiles do not say that they read memory
  if (p.more) {
    _tile_loadd(0, sums, kRowBytes);
    if constexpr (NV == 2) _tile_loadd(1, sums + kTileWords, kRowBytes);
    if constexpr (NP == 2) _tile_loadd(2, sums + NV * kTileWords, kRowBytes);
    if constexpr (NP == 2 && NV == 2) _tile_loadd(3, sums + 3 * kTileWords, kRowBytes);
  } else if (p.bias != nullptr) {
    _tile_loadd(0, p.bias, 0);
    if constexpr (NV == 2) _tile_loadd(1, p.bias + kLanes, 0);
    if constexpr (NP == 2) _tile_loadd(2, p.bias, 0);
    if constexpr (NP == 2 && NV == 2) _tile_loadd(3, p.bias + kLanes, 0);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const float *w = p.w, *fetch = p.fetch;
  const int64_t quarter = p.layers * p.taps * kTileWords;
  for (int64_t layer = 0; layer < p.layers; ++layer) {
    const float* const cells = p.cells + layer * p.layer_floats;
    for (int64_t tap = 0; tap < p.taps; ++tap, w += 2 * NV * kTileWords) {
      for (int64_t i = 0; i < p.fetch_lines; ++i, fetch += 16) {
        STRIATE_UNROLL
        for (int64_t k = 0; k < 4; ++k) {
          _mm_prefetch(reinterpret_cast<const char*>(fetch + k * quarter), _MM_HINT_T1);
        }
      }
      const float* const high = cells + p.tap[tap];
      add_products<NP, NV, true>(high, w);
      add_products<NP, NV, false>(high + kLanes, nullptr);  // the low parts
      add_products<NP, NV, true>(high, w + NV * kTileWords);
    }
  }
  _tile_stored(0, sums, kRowBytes);
  if constexpr (NV == 2) _tile_stored(1, sums + kTileWords, kRowBytes);
  if constexpr (NP == 2) _tile_stored(2, sums + NV * kTileWords, kRowBytes);
  if constexpr (NP == 2 && NV == 2) _tile_stored(3, sums + 3 * kTileWords, kRowBytes);
}

STRIATE_AMX static void begin_tiles() {
  static const TileConfig config;
  _tile_loadconfig(&config);
}

STRIATE_AMX static void end_tiles() {
  _tile_release();
}
#endif

}  // namespace striate::STRIATE_TARGET
