// Cells of packed weights: the numbers of as many outputs as fill some vectors, side by side.
//
//   outputs  o0: | a0 a1 a2 ..      cells  | a0 b0 c0 .. | a1 b1 c1 .. | ...
//            o1: | b0 b1 b2 ..
#pragma once

#include "kernels/transpose.hpp"

namespace striate::STRIATE_TARGET {

struct Cells {
  const float* from;  // of the first real output
  int64_t output;     // floats from output to output
  int64_t count;      // of cells
  int64_t step;       // floats from cell to cell of an output
  float* to;
  int64_t to_step;          // floats from cell to cell
  int64_t vectors;          // of a cell
  int64_t first = 0, stop;  // its lanes that are real; the others become 0
};

// Of one vector whose lanes are all real: the first cells, as many as whole squares hold.
STRIATE_INLINE int64_t turn_squares(const Cells& c, const float* from, float* to) {
  int64_t i = 0;
  for (; i + kLanes <= c.count; i += kLanes) {
    const float* row = from + (c.step < 0 ? -(i + kLanes - 1) : i);
    Vector v[kLanes];
    STRIATE_UNROLL
    for (int lane = 0; lane < kLanes; ++lane) v[lane] = load_unaligned(row + lane * c.output);
    transpose(v);
    STRIATE_UNROLL
    for (int j = 0; j < kLanes; ++j) {
      store_unaligned(to + (i + (c.step < 0 ? kLanes - 1 - j : j)) * c.to_step, v[j]);
    }
  }
  return i;
}

static void pack_cells(const Cells& c) {
  for (int64_t v = 0; v < c.vectors; ++v) {
    const int64_t first = most(0, least(kLanes, c.first - v * kLanes));
    const int64_t stop = most(0, least(kLanes, c.stop - v * kLanes));
    const float* from = c.from + (v * kLanes - c.first) * c.output;  // of lane 0
    float* to = c.to + v * kLanes;
    const bool all = first == 0 && stop == kLanes;
    int64_t i = 0;
    if (all && c.output == 1) {
      for (; i < c.count; ++i)
        store_unaligned(to + i * c.to_step, load_unaligned(from + i * c.step));
    } else if (all && (c.step == 1 || c.step == -1)) {
      i = turn_squares(c, from, to);
    }
    for (; i < c.count; ++i) {
      float* cell = to + i * c.to_step;
      if (!all) store_unaligned(cell, Vector{});
      for (int64_t lane = first; lane < stop; ++lane)
        cell[lane] = from[lane * c.output + i * c.step];
    }
  }
}

}  // namespace striate::STRIATE_TARGET
