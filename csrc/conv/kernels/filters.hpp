// Taps of filters, counted along the width first, wherever they lie (kernels/kernel.hpp).
#pragma once

#include "conv/shape.hpp"
#include "kernels/cells.hpp"
#include "kernels/fetch.hpp"

namespace striate::STRIATE_TARGET {

// Floats from the first tap to tap `tap`.
STRIATE_INLINE int64_t tap_place(const ConvShape& s, const Filters& w, int64_t tap) {
  const int64_t width = s.kernel[2], plane = s.kernel[1] * width;
  return tap / plane * w.tap[0] + tap % plane / width * w.tap[1] + tap % width * w.tap[2];
}

// Taps behind one another that are as far apart as those of a row: all, where rows follow one
// another as well.
STRIATE_INLINE int64_t taps_of_run(const ConvShape& s, const Filters& w) {
  const bool rows = s.kernel[1] == 1 || w.tap[1] == s.kernel[2] * w.tap[2];
  const bool planes = s.kernel[0] == 1 || w.tap[0] == s.kernel[1] * s.kernel[2] * w.tap[2];
  return !rows ? s.kernel[2] : !planes ? s.kernel[1] * s.kernel[2] : s.taps();
}

// A cell for each tap of a channel: `cells.from` is its first tap.
STRIATE_INLINE void pack_taps(const ConvShape& s, const Filters& w, Cells cells) {
  const int64_t run = taps_of_run(s, w), all = s.taps();
  const float* from = cells.from;
  float* const to = cells.to;
  cells.count = run;
  cells.step = run == 1 ? 0 : w.tap[2];
  for (int64_t tap = 0; tap < all; tap += run) {
    cells.from = from + tap_place(s, w, tap);
    cells.to = to + tap * cells.to_step;
    pack_cells(cells);
  }
}

// Fetch a later channel of so many outputs where an output's channels lie far apart, as in a filter
// that is turned around: no processor does by itself.
STRIATE_INLINE void fetch_channel(const Filters& w, const float* from, int64_t outputs) {
  constexpr int64_t kAhead = 4;
  if (w.channel <= w.output) return;
  for (int64_t i = 0; i < w.output * outputs; i += most(w.output, kLineFloats)) {
    fetch_line(from + kAhead * w.channel + i);
  }
}

// Channels `first` to `stop` of a pair of vectors of outputs, or a single last one:
//
//   to | channel: tap 0: its outputs | tap 1 | ... | next channel ..
STRIATE_INLINE void pack_pair(const ConvShape& s, const Filters& w, int64_t pair, int64_t first,
                              int64_t stop, float* to) {
  const int64_t output = pair * 2 * kLanes, taps = s.taps();
  Cells cells = {};
  cells.output = w.output;
  cells.vectors = least(2, ceil_div(s.out_channels - output, kLanes));
  cells.to_step = cells.vectors * kLanes;
  cells.stop = s.out_channels - output;
  cells.from = w.first + output * w.output + first * w.channel;
  cells.to = to;
  if (w.tap[2] == 1 && w.channel == taps && taps_of_run(s, w) == taps) {  // of an output all
    cells.count = (stop - first) * taps;
    cells.step = 1;
    pack_cells(cells);
    return;
  }
  for (int64_t channel = first; channel < stop; ++channel) {
    fetch_channel(w, cells.from, least(cells.stop, cells.to_step));
    const float* const from = cells.from;
    float* const at = cells.to;
    pack_taps(s, w, cells);
    cells.from = from + w.channel;
    cells.to = at + taps * cells.to_step;
  }
}

}  // namespace striate::STRIATE_TARGET
