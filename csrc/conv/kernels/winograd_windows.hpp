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

constexpr int64_t kFewTiles = 4;

// Pairs of points, of two, whose products are summed in a pass over the channels: of four tiles 3 x
// 4 sums fill 16 registers, 6 x 4 of 32.
STRIATE_INLINE constexpr int pass_pairs(int64_t tiles) {
  return tiles <= 2 || kTilePixels >= 14 ? 2 : 1;
}

// What a chunk of channels adds to the products of one block of outputs.
struct WindowProducts {
  const float* g;  // [channel][tap], `tap` floats from tap to tap
  int64_t tap;
  const float* v;
  float* q;
  int64_t channels;
  bool accumulate;
  Vector square[2], point[2];  // of the pairs: read as they are used, since sums fill the registers
  const float* next;           // to fetch meanwhile: `lines` lines a channel and pass
  int64_t lines;
};

// Row kRow of G, without its scale, times g: a value of the polynomial g0 + g1 p + g2 p^2.
template <int A, int kRow>
STRIATE_INLINE Vector window_value(const WindowProducts& w, Vector g0, Vector g1, Vector g2) {
  if constexpr (kRow == 0) {
    return g0;
  } else if constexpr (kRow == A - 1) {  // at infinity
    return g2;
  } else {
    constexpr int pair = (kRow - 1) / 2;
    const Vector even = g0 + w.square[pair] * g2;
    return kRow % 2 == 1 ? even + w.point[pair] * g1 : even - w.point[pair] * g1;
  }
}

template <int T>
STRIATE_INLINE void add_products(Vector (&sum)[T], Vector u, const float* v) {
  STRIATE_UNROLL
  for (int t = 0; t < T; ++t) multiply_add(sum[t], u, broadcast(v[t * kLanes]));
}

// Products of pairs kPair .. kStop-1 of points, and of 0 beside the first pair, infinity beside the
// last.
template <int A, int T, int kPair, int kStop, int kSums>
STRIATE_INLINE void add_pairs(const WindowProducts& w, Vector (&sum)[kSums][T],
                              const Vector (&g)[3], const float* v, int64_t stride) {
  constexpr int kAt = kSums - 3 * (kStop - kPair);  // of this pair among the sums
  constexpr bool kNearZero = kPair == 0;
  add_products(sum[kAt], kNearZero ? g[0] : g[2], v + (kNearZero ? 0 : A - 1) * stride);
  const Vector even = g[0] + w.square[kPair] * g[2];
  add_products(sum[kAt + 1], even + w.point[kPair] * g[1], v + (2 * kPair + 1) * stride);
  add_products(sum[kAt + 2], even - w.point[kPair] * g[1], v + (2 * kPair + 2) * stride);
  if constexpr (kPair + 1 < kStop) add_pairs<A, T, kPair + 1, kStop>(w, sum, g, v, stride);
}

// Floats from the row's first product to the one of sum i of a pass that begins with pair kPair.
template <int A, int kPair>
constexpr int64_t product_of(int i) {
  const int pair = kPair + i / 3;
  return i % 3 == 0 ? (pair == 0 ? 0 : A - 1) : 2 * pair + i % 3;
}

template <int A, int T, int64_t kChannels, int kRow, int kPair>
STRIATE_INLINE void window_pass(const WindowProducts& w) {
  constexpr int64_t v_stride = odd_lines(kChannels * T), q_stride = odd_lines(2 * kLanes * T);
  constexpr int kPairs = pass_pairs(T), kSums = 3 * kPairs;
  Vector sum[kSums][T] = {};
  float* const q = w.q + kRow * A * q_stride;
  if (w.accumulate) {
    STRIATE_UNROLL
    for (int i = 0; i < kSums; ++i) {
      STRIATE_UNROLL
      for (int t = 0; t < T; ++t) {
        sum[i][t] = load(q + product_of<A, kPair>(i) * q_stride + t * kLanes);
      }
    }
  }
  const float *g = w.g, *next = w.next + (kRow * 2 + kPair) / pass_pairs(T) * w.channels * w.lines *
                                             kLineFloats;
  const float* v = w.v + kRow * A * v_stride;
  const int64_t tap = w.tap, lines = w.lines;
  for (int64_t c = 0; c < w.channels; c += kLanes, v += (T - 1) * kLanes) {
    const int64_t stop = least(c + kLanes, w.channels);
    _Pragma("GCC unroll 1") for (int64_t i = c; i < stop; ++i, ++v, g += 9 * tap) {
      asm volatile("" ::: "memory");
      Vector half[3];
      STRIATE_UNROLL
      for (int j = 0; j < 3; ++j) {
        half[j] = window_value<A, kRow>(w, load(g + j * tap), load(g + (3 + j) * tap),
                                        load(g + (6 + j) * tap));
      }
      add_pairs<A, T, kPair, kPair + kPairs>(w, sum, half, v, v_stride);
      for (int64_t line = 0; line < lines; ++line, next += kLineFloats) fetch_line(next);
    }
  }
  STRIATE_UNROLL
  for (int i = 0; i < kSums; ++i) {
    STRIATE_UNROLL
    for (int t = 0; t < T; ++t) {
      store(q + product_of<A, kPair>(i) * q_stride + t * kLanes, sum[i][t]);
    }
  }
}

template <int A, int T, int64_t kChannels, int kRow = 0, int kPair = 0>
static void multiply_windows(const WindowProducts& w) {
  static_assert(A == 6, "F(4x4, 3x3)");
  window_pass<A, T, kChannels, kRow, kPair>(w);
  if constexpr (kPair + pass_pairs(T) < 2) {
    multiply_windows<A, T, kChannels, kRow, kPair + pass_pairs(T)>(w);
  } else if constexpr (kRow + 1 < A) {
    multiply_windows<A, T, kChannels, kRow + 1, 0>(w);
  }
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
