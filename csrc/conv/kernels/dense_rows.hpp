// Dense products whose inputs follow one another: the rows of a plain matrix in the place of
// pixels. Long rows are cut into short blocks, between which the next weights are fetched.
#pragma once

#include "conv/kernels/dense.hpp"

namespace striate::STRIATE_TARGET {

// All of K.
static void dense_rows(const DenseBlock& t) {
  constexpr int64_t kBlock = 16;
  int64_t step[kSegment / kBlock];
  const int64_t blocks = t.depth_all > kSegment ? t.depth_all / kBlock : 0;
  const int64_t segments = ceil_div(blocks * kBlock, kSegment);
  for (int64_t i = 0; i < segments; ++i) {
    const int64_t first = cut(blocks, segments, i), count = cut(blocks, segments, i + 1) - first;
    step[0] = first * kBlock;
    for (int64_t j = 1; j < count; ++j) step[j] = kBlock;
    dense_segment(t, {step, count, kBlock, first * kBlock});
  }
  const int64_t before = blocks * kBlock;
  if (before < t.depth_all) dense_segment(t, {&before, 1, t.depth_all - before, before});
}

}  // namespace striate::STRIATE_TARGET
