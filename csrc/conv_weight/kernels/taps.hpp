// The microkernel of filters three pixels wide whose windows move by one: as tile.hpp, with three
// numbers of x, the taps of a filter's row, to each of NR rows and one vector of gy.
//
//   sum[r][u] += sum over places p of  x[row r + p + u] * gy[row + p]
//
// What one tap reads at a place the next one reads a place later. So the vectors of gy at three
// places are held, and a number of x that is loaded once meets all three: 9 rows take 10 loads for
// 27 multiply-adds, where a tile of one vector takes a load for each.
#pragma once

#include "conv_weight/kernels/tile.hpp"

namespace striate::STRIATE_TARGET {

constexpr int kTapsWide = 3;
constexpr int kTapRows = kTileSums >= 24 ? 9 : 0;  // 27 sums of 32 registers; of 16: too few

// Taps kFirst .. kStop - 1: gy[u] is the vector that tap u meets.
template <int kFirst, int kStop, int NR>
STRIATE_INLINE void add_taps(Vector (&sum)[NR][kTapsWide], const float* const (&x)[NR], int64_t p,
                             const Vector (&gy)[kTapsWide]) {
  asm volatile("" ::: "memory");  // as in tile()
  STRIATE_UNROLL
  for (int r = 0; r < NR; ++r) {
    const Vector b = broadcast(x[r][p]);
    STRIATE_UNROLL
    for (int u = kFirst; u < kStop; ++u) multiply_add(sum[r][u], b, gy[u]);
  }
}

// t.places >= 2; t.at[3 * r]: the distance of row r; x_step is 1.
template <int NR>
static void tap_tile(const Tile& t) {
  Vector sum[NR][kTapsWide];
  STRIATE_UNROLL
  for (int r = 0; r < NR; ++r) {
    STRIATE_UNROLL
    for (int u = 0; u < kTapsWide; ++u) sum[r][u] = Vector{};
  }
  const int64_t places = t.places;
  for (const TileRow *row = t.rows, *stop = row + t.row_count; row != stop; ++row) {
    const float* x[NR];
    STRIATE_UNROLL
    for (int r = 0; r < NR; ++r) x[r] = t.x + row->x + t.at[kTapsWide * r];
    const float* next = t.gy + row->gy;
    Vector gy[kTapsWide];
    const auto turn = [&](const Vector& g) STRIATE_LAMBDA {
      gy[2] = gy[1];
      gy[1] = gy[0];
      gy[0] = g;
    };
    gy[0] = gy[1] = Vector{};
    turn(load(next));
    add_taps<0, 1>(sum, x, 0, gy);
    turn(load(next + kLanes));
    add_taps<0, 2>(sum, x, 1, gy);
    int64_t p = 2;
    _Pragma("GCC unroll 3") for (; p < places; ++p) {
      turn(load(next + p * kLanes));
      add_taps<0, 3>(sum, x, p, gy);
    }
    turn(gy[0]);
    add_taps<1, 3>(sum, x, p, gy);
    turn(gy[0]);
    add_taps<2, 3>(sum, x, p + 1, gy);
  }
  STRIATE_UNROLL
  for (int r = 0; r < NR; ++r) {
    STRIATE_UNROLL
    for (int u = 0; u < kTapsWide; ++u) {
      float* to = t.sum + (kTapsWide * r + u) * t.sum_step;
      store(to, load(to) + sum[r][u]);
    }
  }
}

struct TapTable {
  TileFunction of[kTapRows + 1] = {};  // [rows]
};

template <int NR = kTapRows>
constexpr void fill_taps(TapTable& table) {
  if constexpr (NR > 0) {
    table.of[NR] = tap_tile<NR>;
    fill_taps<NR - 1>(table);
  }
}

constexpr TapTable tap_tiles() {
  TapTable table;
  fill_taps(table);
  return table;
}

}  // namespace striate::STRIATE_TARGET
