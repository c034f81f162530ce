// What gradients for first layers' filters read at a time: rows of x with zeros around them, and
// gy, where it lies or made as a norm's gradient.
#pragma once

#include "batch_norm/kernels/given.hpp"
#include "conv_weight/shape.hpp"
#include "kernels/lanes.hpp"

namespace striate::STRIATE_TARGET {

// `count` pixels of a row of n from `from` on, 0 outside; no row: 0.
STRIATE_INLINE void copy_row(const float* row, int64_t n, int64_t from, int64_t count, float* to) {
  const int64_t first = row == nullptr ? count : least(count, most(0, -from));
  const int64_t stop = most(first, least(count, n - from));
  for (int64_t i = 0; i < first; ++i) to[i] = 0;
  for (int64_t i = first; i < stop; ++i) to[i] = row[from + i];
  for (int64_t i = stop; i < count; ++i) to[i] = 0;
}

// A band: rows of a plane of an image, or a part of each.
struct FirstBand {
  int64_t image, plane, first_row, stop_row, first_column, stop_column;
};

// A band's first place in gy.
STRIATE_INLINE int64_t first_place(const ConvWeightShape& s, const FirstBand& part) {
  return (part.plane * s.out[1] + part.first_row) * s.out[2] + part.first_column;
}

// The norm's gradient of a vector of channels at a band's places, which follow one another.
static void make_gradient(const ConvWeightShape& s, const Buffers& b, const FirstBand& part,
                          int64_t vector, float* to) {
  const int64_t n = part.image, pixels = s.out_pixels();
  const int64_t count = (part.stop_row - part.first_row) * (part.stop_column - part.first_column);
  const int64_t first = first_place(s, part), at = (vector * pixels + first) * kLanes;
  Run run = {};
  run.x = b.in[2] + n * s.norm_batch_stride + at;
  run.added = s.given.added ? b.in[4] + n * s.given.added_batch_stride + at : nullptr;
  run.low = s.given.low;
  run.high = s.given.high;
  if (s.given.pooled) {
    spread_given(s.given, n, vector, first, count, b.in[1], b.in[4], to);
    run.gy = to;
  } else {
    run.gy = b.in[1] + n * s.given.gy_batch_stride + at;
  }
  const InputNumbers numbers = load_numbers(b.in[3] + vector * kBatchNormNumbers * kLanes);
  const auto write =
      s.given.mask == Mask::own ? write_run<Mask::own, true> : write_run<Mask::none, true>;
  write(run, numbers, 0, count, to);
}

// Vectors of gy at a band's places, `step` floats apart: where they lie, or made in scratch.
static const float* gradients(const ConvWeightShape& s, const Buffers& b, const FirstBand& part,
                              int64_t vector, int64_t vectors, int64_t step, float* scratch) {
  if (!s.norm) {
    return b.in[1] + part.image * s.y_batch_stride + vector * step + first_place(s, part) * kLanes;
  }
  for (int64_t v = 0; v < vectors; ++v) make_gradient(s, b, part, vector + v, scratch + v * step);
  return scratch;
}

}  // namespace striate::STRIATE_TARGET
