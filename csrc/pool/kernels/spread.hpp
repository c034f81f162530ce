// The gradient of a max pooling of windows side by side: 0 but where they found their largest
// number. Only for files that are compiled once a target.
#pragma once

#include "pool/kernels/winner.hpp"

namespace striate::STRIATE_TARGET {

// A block of channels of what was kept, and where it was.
struct Kept {
  const int64_t *in, *window;  // sizes along the three axes
  const float* gy;
  const uint8_t* places;
};

// Pixels first .. first + count - 1 of a map of sizes `in`.
static void spread(const Kept& kept, int64_t first, int64_t count, float* to) {
  const int64_t width = kept.in[2], *const window = kept.window;
  const int64_t rows = kept.in[1] / window[1], columns = width / window[2];
  int64_t row = first / width, column = first % width;
  for (; count > 0; ++row, column = 0) {
    const int64_t plane = row / kept.in[1], line = row % kept.in[1];
    const bool inside = plane / window[0] < kept.in[0] / window[0] && line / window[1] < rows;
    const int64_t from = (plane / window[0] * rows + line / window[1]) * columns;
    const int64_t number = (plane % window[0] * window[1] + line % window[1]) * window[2];
    const int64_t run = least(count, width - column), stop = column + run;
    count -= run;
    int64_t i = column / window[2], k = column % window[2];
    const int64_t last = inside ? least(stop, columns * window[2]) : column;
    for (; column < last; ++column, to += kLanes) {
      const int64_t at = (from + i) * kLanes;
      store(to, load_where(kept.gy + at, kept.places + at, static_cast<int32_t>(number + k)));
      if (++k < window[2]) continue;
      k = 0;
      ++i;
    }
    for (; column < stop; ++column, to += kLanes) store(to, Vector{});
  }
}

}  // namespace striate::STRIATE_TARGET
