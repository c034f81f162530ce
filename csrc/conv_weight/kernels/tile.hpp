// The microkernel: sums over places of NK numbers of x times NV vectors of gy.
//
//   sum[k][v] += sum over rows r, places p of  x[row r + p * x_step + at(k)] * gy[row r + p][v]
//
// A number of x is broadcast, a vector of gy is the channels of a block at one place. On AVX2 4x3
// and 6x2 sums leave registers for the vectors and one broadcast; each place takes 6 cycles of
// multiply-adds, and 7 or 8 loads. Rows are given by a list, so that padding, planes and images
// cost nothing inside: places whose tap lies outside the map are not in it.
#pragma once

#include "kernels/multiply_add.hpp"

namespace striate::STRIATE_TARGET {

#if defined(__AVX512F__)
constexpr int kTileVectors = 3, kTileSums = 24, kMostTile = 16;  // of 32 registers
#else
constexpr int kTileVectors = 3, kTileSums = 12, kMostTile = 8;  // of 16
#endif

// Numbers of x beside so many vectors.
constexpr int tile_numbers(int vectors) {
  return kTileSums / vectors < kMostTile ? kTileSums / vectors : kMostTile;
}

// Floats from Tile::x and Tile::gy to the first place of a row.
struct TileRow {
  int64_t x, gy;
};

struct Tile {
  const float *x, *gy;
  const TileRow* rows;
  int64_t row_count, places;  // of each row
  int64_t x_step;             // from place to place
  int64_t gy_vector;          // from vector to vector
  const int64_t* at;          // NK distances; null: the numbers follow one another
  float* sum;                 // added to: [v] of number 0
  int64_t sum_step;           // floats from number to number
};

template <int NK, int NV, bool kNext>
static void tile(const Tile& t) {
  Vector sum[NK][NV];
  STRIATE_UNROLL
  for (int k = 0; k < NK; ++k) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) sum[k][v] = Vector{};
  }
  const int64_t step = t.x_step, vector = t.gy_vector, places = t.places;
  for (const TileRow *row = t.rows, *stop = row + t.row_count; row != stop; ++row) {
    constexpr int kPointers = kNext ? 1 : NK;
    const float* x[kPointers];
    STRIATE_UNROLL
    for (int k = 0; k < kPointers; ++k) x[k] = t.x + row->x + (kNext ? 0 : t.at[k]);
    const float* gy = t.gy + row->gy;
    int64_t at = 0;
    _Pragma("GCC unroll 2") for (int64_t p = places; p > 0; --p, at += step, gy += kLanes) {
      // GCC would load the inputs of several places at once, and spill them.
      asm volatile("" ::: "memory");
      Vector g[NV];
      STRIATE_UNROLL
      for (int v = 0; v < NV; ++v) g[v] = load(gy + v * vector);
      STRIATE_UNROLL
      for (int k = 0; k < NK; ++k) {
        const Vector b = broadcast(kNext ? x[0][at + k] : x[kNext ? 0 : k][at]);
        STRIATE_UNROLL
        for (int v = 0; v < NV; ++v) multiply_add(sum[k][v], b, g[v]);
      }
    }
  }
  STRIATE_UNROLL
  for (int k = 0; k < NK; ++k) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      float* to = t.sum + k * t.sum_step + v * kLanes;
      store(to, load(to) + sum[k][v]);
    }
  }
}

typedef void (*TileFunction)(const Tile&);

struct TileTable {
  TileFunction of[kTileVectors][kMostTile] = {};  // [vectors - 1][numbers - 1]
};

template <bool kNext, int NV, int NK>
constexpr void fill_tiles(TileTable& table) {
  table.of[NV - 1][NK - 1] = tile<NK, NV, kNext>;
  if constexpr (NK > 1) {
    fill_tiles<kNext, NV, NK - 1>(table);
  } else if constexpr (NV > 1) {
    fill_tiles<kNext, NV - 1, tile_numbers(NV - 1)>(table);
  }
}

template <bool kNext>
constexpr TileTable tiles() {
  TileTable table;
  fill_tiles<kNext, kTileVectors, tile_numbers(kTileVectors)>(table);
  return table;
}

// gb: the sums of gy over the places.
STRIATE_INLINE void sum_places(const Tile& t, int64_t vectors, float* sums) {
  for (int64_t v = 0; v < vectors; ++v) {
    Vector sum[4] = {};
    for (int64_t r = 0; r < t.row_count; ++r) {
      const float* gy = t.gy + t.rows[r].gy + v * t.gy_vector;
      int64_t p = 0;
      for (; p + 4 <= t.places; p += 4) {
        STRIATE_UNROLL
        for (int i = 0; i < 4; ++i) sum[i] += load(gy + (p + i) * kLanes);
      }
      for (; p < t.places; ++p) sum[0] += load(gy + p * kLanes);
    }
    float* to = sums + v * kLanes;
    store(to, load(to) + ((sum[0] + sum[1]) + (sum[2] + sum[3])));
  }
}

}  // namespace striate::STRIATE_TARGET
