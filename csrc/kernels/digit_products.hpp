// Products of tiles of pixels and panels of weights, both in digits (digits.hpp). Only for files
// that are compiled once a target.
#pragma once

#include "kernels/digits.hpp"

namespace striate::STRIATE_TARGET {

// What is multiplied: cells from the first pixel on, a panel of weights, and the steps of K.
struct DigitProduct {
  const float* cells;
  const float* w;
  int64_t layers, layer_floats;
  const int64_t* tap;  // floats from a pixel to what a tap reads
  int64_t taps;
  // Weights that are fetched to L2 meanwhile: so many lines of each quarter of a panel in each
  // step, since a core reads memory faster in four places than in one.
  const float* fetch;
  int64_t fetch_lines;
};

// Fetch one of so many near-equal parts of a panel while this is multiplied.
STRIATE_INLINE void fetch_part(DigitProduct& p, const float* panel, int64_t part, int64_t parts) {
  constexpr int64_t kLines = 2 * kDigits * kTileWords / 16 / 4;  // of a quarter, for each step
  const int64_t lines = ceil_div(kLines, parts);
  p.fetch = panel + part * lines * p.layers * p.taps * 16;
  p.fetch_lines = part * lines < kLines ? lines : 0;
}

// Floats of a panel: two vectors of outputs, and behind the steps of K their units.
STRIATE_INLINE int64_t panel_floats(int64_t steps) {
  return steps * 2 * kDigits * kTileWords + 2 * kLanes;
}

typedef void (*Multiply)(const DigitProduct&, float* sums);

// Where `multiply` leaves the sums of a row of cells and a vector.
STRIATE_INLINE int64_t sums_place(int64_t row, int64_t v, int64_t vectors) {
  return ((row / kTileRows * vectors + v) * kTileRows + row % kTileRows) * kLanes;
}

// sums[tile][vector][16 pixels][16 outputs] of NP tiles of pixels and NV vectors of outputs, by
// numbers as they are: w[step of K][channel][vector][output].
template <int NP, int NV>
static void multiply_by_vectors(const DigitProduct& p, float* sums) {
  constexpr int kRows = 8;
  for (int first = 0; first < NP * kTileRows; first += kRows) {
    Vector sum[NV][kRows] = {};
    const float* w = p.w;
    for (int64_t layer = 0; layer < p.layers; ++layer) {
      for (int64_t tap = 0; tap < p.taps; ++tap) {
        const float* a = p.cells + layer * p.layer_floats + p.tap[tap] + first * kCellWords;
        for (int64_t channel = 0; channel < kCellChannels; ++channel, w += NV * kLanes) {
          STRIATE_UNROLL
          for (int i = 0; i < kRows; ++i) {
            const Vector x = broadcast(a[i * kCellWords + channel]);
            for (int v = 0; v < NV; ++v) sum[v][i] += x * load(w + v * kLanes);
          }
        }
      }
    }
    for (int v = 0; v < NV; ++v) {
      for (int i = 0; i < kRows; ++i) store(sums + sums_place(first + i, v, NV), sum[v][i]);
    }
  }
}

// The numbers of a packed panel, as multiply_by_vectors reads them.
STRIATE_INLINE void join_panel(int64_t steps, int64_t vectors, const float* panel, float* to) {
  const float* const units = panel + steps * kDigits * vectors * kTileWords;
  for (int64_t step = 0; step < steps; ++step, to += kCellChannels * vectors * kLanes) {
    const float* const tiles = panel + step * kDigits * vectors * kTileWords;
    for (int64_t i = 0; i < kTileRows * vectors; ++i) {
      const int64_t row = i / vectors, v = i % vectors;
      IntVector digit[kDigits];
      for (int64_t k = 0; k < kDigits; ++k) {
        digit[k] = (IntVector)load(tiles + (k * vectors + v) * kTileWords + row * kLanes);
      }
      const Vector unit = load(units + v * kLanes);
      for (int k = 0; k < kCellBlocks; ++k) {
        store(to + ((k * kTileRows + row) * vectors + v) * kLanes, join_digits(digit, k) * unit);
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

constexpr int64_t kCellBytes = 4 * kCellWords, kRowBytes = 64;

// Add products of a digit of cells and one of weights. Tiles 0 to 3 are sums, 4 and 5 pixels, 6 and
// 7 weights.
template <int NP, int NV>
STRIATE_AMX STRIATE_INLINE void add_products(const float* cells, const float* w) {
  _tile_loadd(4, cells, kCellBytes);
  _tile_loadd(6, w, kRowBytes);
  _tile_dpbssd(0, 4, 6);
  if constexpr (NV == 2) {
    _tile_loadd(7, w + kTileWords, kRowBytes);
    _tile_dpbssd(1, 4, 7);
  }
  if constexpr (NP == 2) {
    _tile_loadd(5, cells + kTileRows * kCellWords, kCellBytes);
    _tile_dpbssd(2, 5, 6);
    if constexpr (NV == 2) _tile_dpbssd(3, 5, 7);
  }
}

// Sums of the products whose digits' places add up to `kLevel`: whole numbers.
template <int NP, int NV, int kLevel>
STRIATE_AMX STRIATE_INLINE void add_level(const DigitProduct& p, float* sums) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const float *w = p.w, *fetch = p.fetch;
  const int64_t quarter = p.layers * p.taps * kTileWords * kDigits / 2;
  for (int64_t layer = 0; layer < p.layers; ++layer) {
    const float* const cells = p.cells + layer * p.layer_floats;
    for (int64_t tap = 0; tap < p.taps; ++tap, w += kDigits * NV * kTileWords) {
      if constexpr (kLevel == kDigits - 1) {
        for (int64_t i = 0; i < p.fetch_lines; ++i, fetch += 16) {
          STRIATE_UNROLL
          for (int64_t k = 0; k < 4; ++k) {
            _mm_prefetch(reinterpret_cast<const char*>(fetch + k * quarter), _MM_HINT_T1);
          }
        }
      }
      for (int i = 0; i <= kLevel; ++i) {
        add_products<NP, NV>(cells + p.tap[tap] + i * kDigitWords,
                             w + (kLevel - i) * NV * kTileWords);
      }
    }
  }
  _tile_stored(0, sums, kRowBytes);
  if constexpr (NV == 2) _tile_stored(1, sums + kTileWords, kRowBytes);
  if constexpr (NP == 2) _tile_stored(2, sums + NV * kTileWords, kRowBytes);
  if constexpr (NP == 2 && NV == 2) _tile_stored(3, sums + 3 * kTileWords, kRowBytes);
}

// The same by tiles of digits; w[step of K][digit][vector], and behind it the units of the outputs.
// The sums are to be multiplied by the pixels' unit.
template <int NP, int NV>
STRIATE_AMX static void multiply_by_tiles(const DigitProduct& p, float* sums) {
  constexpr int64_t kFloats = NP * NV * kTileWords;
  alignas(64) float level[kDigits][kFloats];
  asm volatile("" ::: "memory");  // GCC's loads of tiles do not say that they read memory
  add_level<NP, NV, 0>(p, level[0]);
  add_level<NP, NV, 1>(p, level[1]);
  add_level<NP, NV, 2>(p, level[2]);
  asm volatile("" ::: "memory");
  const float* const units = p.w + p.layers * p.taps * kDigits * NV * kTileWords;
  const auto number = [](const float* from) STRIATE_LAMBDA {
    return __builtin_convertvector((IntVector)load(from), Vector);
  };
  for (int64_t i = 0; i < kFloats; i += kLanes) {
    const Vector unit = load(units + i / kTileWords % NV * kLanes);
    const Vector sum =
        number(level[0] + i) + (number(level[1] + i) + number(level[2] + i) * 0x1p-8f) * 0x1p-8f;
    store(sums + i, sum * unit);
  }
}

STRIATE_AMX static bool begin_tiles() {
  static const TileConfig config;
  if (!striate_amx()) return false;
  _tile_loadconfig(&config);
  return true;
}

STRIATE_AMX static void end_tiles() {
  _tile_release();
}
#else
STRIATE_INLINE bool begin_tiles() {
  return false;
}

STRIATE_INLINE void end_tiles() {}
#endif

// How cells are made, of what lies as `Rows` tells, and multiplied: 1 or 2 tiles of them, and
// vectors of outputs.
template <typename Rows>
struct Arithmetic {
  bool digits;
  void (*make)(const Rows&);
  Multiply multiply[2][2];
};

template <typename Rows>
constexpr Arithmetic<Rows> by_vectors(void (*copy)(const Rows&)) {
  return {false,
          copy,
          {{multiply_by_vectors<1, 1>, multiply_by_vectors<1, 2>},
           {multiply_by_vectors<2, 1>, multiply_by_vectors<2, 2>}}};
}

// Only where begin_tiles() is true.
template <typename Rows>
constexpr Arithmetic<Rows> by_tiles(void (*split)(const Rows&)) {
#ifdef STRIATE_AMX
  return {true,
          split,
          {{multiply_by_tiles<1, 1>, multiply_by_tiles<1, 2>},
           {multiply_by_tiles<2, 1>, multiply_by_tiles<2, 2>}}};
#else
  return by_vectors(split);
#endif
}

}  // namespace striate::STRIATE_TARGET
