// Winograd's algorithm for the gradient of 3x3 filters, F(3x3 weights, 4x4 places): 36 products of
// a tile for 144.
//
//   gw = G' [ sum over tiles of (B' d B) x (A g A') ] G
//
// d are the 6x6 pixels that a tile of 4x4 places reads, g is gy at these places; A, B and G are
// those of F(4,3) in conv/kernels/winograd_lines.hpp.
#pragma once

#include "conv/kernels/winograd_lines.hpp"
#include "conv_weight/kernels/chunks.hpp"
#include "conv_weight/shape.hpp"

namespace striate::STRIATE_TARGET {

constexpr int kTile = 4, kReach = 6;  // places and pixels of a tile, along an axis
constexpr int64_t kProducts = kReach * kReach;

// Places along an axis at which taps lie inside the map, of all taps together.
STRIATE_INLINE int64_t products(const ConvWeightShape& s, int axis) {
  int64_t count = 0;
  for (int64_t tap = 0; tap < s.kernel[axis]; ++tap) {
    const int64_t from = tap - s.padding[axis];  // of place 0
    count += most(0, least(s.out[axis], s.in[axis] - from) - most(0, -from));
  }
  return count;
}

// Whether tiles take so many eighths of the direct kernel's products, or less.
STRIATE_INLINE bool saves_products(const ConvWeightShape& s, int64_t eighths) {
  const int64_t tiles = ceil_div(s.out[1], kTile) * ceil_div(s.out[2], kTile);
  const int64_t planes = s.kernel[0] * s.out[0];
  return 8 * kProducts * tiles * planes <=
         eighths * products(s, 0) * products(s, 1) * products(s, 2);
}

// N by N pixels of a map: its own, or a copy with zeros where it ends.
struct Pixels {
  const float* first;
  int64_t row;  // floats from row to row
};

template <int N>
STRIATE_INLINE Pixels pixels_of(const float* map, int64_t height, int64_t width, int64_t top,
                                int64_t left, float* copy) {
  map += (top * width + left) * kLanes;
  if (top >= 0 && left >= 0 && top + N <= height && left + N <= width) return {map, width * kLanes};
  clear(copy, N * N * kLanes);
  const int64_t below = least(N, height - top), right = least(N, width - left);
  for (int64_t i = most(0, -top); i < below; ++i) {
    for (int64_t j = most(0, -left); j < right; ++j) {
      store(copy + (i * N + j) * kLanes, load(map + (i * width + j) * kLanes));
    }
  }
  return {copy, N * kLanes};
}

// A tile of gy, whose places are added to `sum`, if not null. Its factors of the products go
// `apart` floats from one another.
static void gy_tile(const float* map, int64_t height, int64_t width, int64_t top, int64_t left,
                    float* to, int64_t apart, float* sum) {
  alignas(64) float copy[kTile * kTile * kLanes];
  const Pixels gy = pixels_of<kTile>(map, height, width, top, left, copy);
  Vector half[kReach][kTile], all = {};
  STRIATE_UNROLL
  for (int j = 0; j < kTile; ++j) {
    Vector g[kTile], q[kReach];
    STRIATE_UNROLL
    for (int i = 0; i < kTile; ++i) g[i] = load(gy.first + i * gy.row + j * kLanes);
    all += (g[0] + g[1]) + (g[2] + g[3]);
    output_line_back(g, q);
    STRIATE_UNROLL
    for (int i = 0; i < kReach; ++i) half[i][j] = q[i];
  }
  STRIATE_UNROLL
  for (int i = 0; i < kReach; ++i) {
    Vector q[kReach];
    output_line_back(half[i], q);
    STRIATE_UNROLL
    for (int j = 0; j < kReach; ++j) store(to + (i * kReach + j) * apart, q[j]);
  }
  if (sum != nullptr) store(sum, load(sum) + all);
}

// The 9 weights of each lane from its 36 sums, which lie `apart` floats from one another.
static void weights_of(const float* sums, int64_t apart, Vector (&w)[9]) {
  Vector half[3][kReach];
  STRIATE_UNROLL
  for (int j = 0; j < kReach; ++j) {
    Vector m[kReach], g[3];
    STRIATE_UNROLL
    for (int i = 0; i < kReach; ++i) m[i] = load(sums + (i * kReach + j) * apart);
    weight_line_back(m, g);
    STRIATE_UNROLL
    for (int i = 0; i < 3; ++i) half[i][j] = g[i];
  }
  STRIATE_UNROLL
  for (int i = 0; i < 3; ++i) {
    Vector g[3];
    weight_line_back(half[i], g);
    STRIATE_UNROLL
    for (int j = 0; j < 3; ++j) w[i * 3 + j] = g[j];
  }
}

}  // namespace striate::STRIATE_TARGET
