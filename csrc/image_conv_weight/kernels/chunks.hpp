// What chunks of the blocks of images leave: the sums of each filter's weights, then of its gy,
// added up over the chunks at the end.
#pragma once

#include "image_conv_weight/shape.hpp"
#include "kernels/lanes.hpp"

namespace striate::STRIATE_TARGET {

STRIATE_INLINE int64_t chunk_floats(const ImageConvWeightShape& s, int64_t chunks) {
  return chunks * s.out_channels * (s.in_channels * s.taps() + 1);
}

STRIATE_INLINE float* chunk_sums(const ImageConvWeightShape& s, const Buffers& b, int64_t chunk,
                                 int64_t filter) {
  return b.shared + chunk_floats(s, chunk) + filter * (s.in_channels * s.taps() + 1);
}

static Vector sum_gy(const float* gy, int64_t pixels) {
  Vector sum[4] = {};
  int64_t i = 0;
  for (; i + 4 <= pixels; i += 4) {
    STRIATE_UNROLL
    for (int k = 0; k < 4; ++k) sum[k] += load(gy + (i + k) * kLanes);
  }
  for (; i < pixels; ++i) sum[0] += load(gy + i * kLanes);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// gy of a filter summed over the images of a chunk.
static float sum_filter(const ImageConvWeightShape& s, const Buffers& b, int64_t filter,
                        int64_t chunk, int64_t chunks) {
  const int64_t blocks = ceil_div(s.batch, kLanes), pixels = s.given_pixels();
  const float* const gy = b.in[1] + filter * pixels * kLanes;
  Vector sum = {};
  for (int64_t i = cut(blocks, chunks, chunk); i < cut(blocks, chunks, chunk + 1); ++i) {
    sum += masked(first_lanes(used_lanes(s.batch, i)),
                  sum_gy(gy + i * s.out_channels * pixels * kLanes, pixels));
  }
  return sum_of_lanes(sum);
}

// The lanes of `count` sums added up.
static void add_lanes(const float* sums, int64_t count, float* to) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Vector v[kLanes];
    STRIATE_UNROLL
    for (int j = 0; j < kLanes; ++j) v[j] = load(sums + (i + j) * kLanes);
    store_unaligned(to + i, sums_of_lanes(v));
  }
  for (; i < count; ++i) to[i] = sum_of_lanes(load(sums + i * kLanes));
}

// Add up the chunks of one filter.
static void add_chunks(const ImageConvWeightShape& s, int64_t chunks, const Buffers& b,
                       int64_t filter) {
  const int64_t weights = s.in_channels * s.taps(), chunk = chunk_floats(s, 1);
  const float* const sums = chunk_sums(s, b, 0, filter);
  float* const to = b.out[0] + filter * weights;
  for (int64_t k = 0; k < weights + (s.bias ? 1 : 0); ++k) {
    float sum = sums[k];
    for (int64_t i = 1; i < chunks; ++i) sum += sums[i * chunk + k];
    (k < weights ? to[k] : b.out[1][filter]) = sum;
  }
}

}  // namespace striate::STRIATE_TARGET
