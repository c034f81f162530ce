// Winograd's products with few tiles: a row of U = G g G' is made in registers, multiplied with V
// of all tiles, and never stored. For each row of a chunk's windows:
//
//   Q[row, j][tile] += V[row, j][tile][c] U[row, j]       for all channels c and j = 0 .. A - 1
//
// With four tiles U, through L2 once there and once back, would take longer than its products.
// G is taken without its scales here, so that a row costs as few operations as it can; V has them
// (scale_inputs). V and Q lie as winograd_streamed.hpp draws them.
#pragma once

#include "conv/kernels/winograd_transforms.hpp"
#include "kernels/multiply_add.hpp"

namespace striate::STRIATE_TARGET {

// A row of products of so many tiles fills the registers, with a row of U beside it.
constexpr int64_t kFewTiles = kTilePixels >= 14 ? 4 : 2;

// Floats from product to product of V, of `channels`, and of Q, of two blocks of outputs.
STRIATE_INLINE constexpr int64_t few_tiles_stride(int64_t channels, int64_t tiles) {
  return ((channels * tiles + 15) / 16 | 1) * 16;
}

// Row kRow of G, without its scale, times g: a value of the polynomial g0 + g1 p + g2 p^2.
template <int A, int kRow>
STRIATE_INLINE Vector window_value(Vector g0, Vector g1, Vector g2) {
  if constexpr (kRow == 0) {
    return g0;
  } else if constexpr (kRow == A - 1) {  // at infinity
    return g2;
  } else {
    constexpr float point = InputRows<A>::kPoints[(kRow - 1) / 2];
    const Vector even = g0 + (point * point) * g2;
    return kRow % 2 == 1 ? even + point * g1 : even - point * g1;
  }
}

// What a chunk of channels adds to the products of one block of outputs.
struct WindowProducts {
  const float* g;  // [channel][tap], `tap` floats from tap to tap
  int64_t tap;
  const float* v;
  float* q;
  int64_t channels;
  bool accumulate;
  const float* next;  // to fetch meanwhile: `lines` lines a channel and row
  int64_t lines;
};

template <int A, int T, int kRow, int kProduct>
STRIATE_INLINE void window_products(Vector (&sum)[A][T], const Vector (&g)[3], const float* v,
                                    int64_t v_stride) {
  const Vector u = window_value<A, kProduct>(g[0], g[1], g[2]);
  STRIATE_UNROLL
  for (int t = 0; t < T; ++t) {
    multiply_add(sum[kProduct][t], u, broadcast(v[kProduct * v_stride + t * kLanes]));
  }
  if constexpr (kProduct + 1 < A) window_products<A, T, kRow, kProduct + 1>(sum, g, v, v_stride);
}

template <int A, int T, int64_t kChannels, int kRow>
STRIATE_INLINE void window_rows(const WindowProducts& w) {
  constexpr int64_t v_stride = few_tiles_stride(kChannels, T);
  constexpr int64_t q_stride = few_tiles_stride(2 * kLanes, T);
  Vector sum[A][T] = {};
  float* const q = w.q + kRow * A * q_stride;
  if (w.accumulate) {
    STRIATE_UNROLL
    for (int j = 0; j < A; ++j) {
      STRIATE_UNROLL
      for (int t = 0; t < T; ++t) sum[j][t] = load(q + j * q_stride + t * kLanes);
    }
  }
  const float *g = w.g, *next = w.next + kRow * w.channels * w.lines * 16;
  const float* v = w.v + kRow * A * v_stride;
  const int64_t tap = w.tap, lines = w.lines;
  for (int64_t c = 0; c < w.channels; c += kLanes, v += (T - 1) * kLanes) {
    const int64_t stop = least(c + kLanes, w.channels);
    _Pragma("GCC unroll 1") for (int64_t i = c; i < stop; ++i, ++v, g += 9 * tap) {
      asm volatile("" ::: "memory");
      Vector half[3];
      STRIATE_UNROLL
      for (int j = 0; j < 3; ++j) {
        half[j] = window_value<A, kRow>(load(g + j * tap), load(g + (3 + j) * tap),
                                        load(g + (6 + j) * tap));
      }
      window_products<A, T, kRow, 0>(sum, half, v, v_stride);
      for (int64_t line = 0; line < lines; ++line, next += 16) __builtin_prefetch(next, 0, 2);
    }
  }
  STRIATE_UNROLL
  for (int j = 0; j < A; ++j) {
    STRIATE_UNROLL
    for (int t = 0; t < T; ++t) store(q + j * q_stride + t * kLanes, sum[j][t]);
  }
  if constexpr (kRow + 1 < A) window_rows<A, T, kChannels, kRow + 1>(w);
}

template <int A, int T, int64_t kChannels>
static void multiply_windows(const WindowProducts& w) {
  window_rows<A, T, kChannels, 0>(w);
}

// The products of V, of so many floats each, times the scales that window_value leaves out.
template <int A>
static void scale_inputs(float* v, int64_t stride, int64_t floats) {
  const Vector one[3] = {broadcast(1)};
  Vector scale[A];
  weight_line(one, scale);
  scale[A - 1] = broadcast(1);
  for (int i = 0; i < A * A; ++i, v += stride) {
    const Vector factor = scale[i / A] * scale[i % A];
    for (int64_t at = 0; at < floats; at += kLanes) store(v + at, factor * load(v + at));
  }
}

}  // namespace striate::STRIATE_TARGET
