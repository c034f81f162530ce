// Panels of packed weights: two vectors of outputs. Only for int8x6.cpp.
//
//   cell 0: | tap 0: first digits v0, v1, second v0, v1, third v0, v1 | tap 1: .. | ..   cell 1: ..
//   behind the last cell: units of v0, v1
//
// A tile has 16 words of channels (those of a cell's words) of 16 outputs.
#pragma once

#include "conv/kernels/filters.hpp"
#include "conv/kernels/int8x6_plan.hpp"

namespace striate::STRIATE_TARGET {

// Weights of some rows of a cell's tiles, as they are collected for a panel:
//
//   [block of channels][row][tap][vector][output]
struct Collected {
  int64_t cell, first, rows;  // from the first row on
  int64_t row_floats;
  float* floats;
};

// Hand all of a panel's weights on, as some rows of a cell's tiles at a time.
template <typename Act>
static void collect_weights(const ConvShape& s, const DigitPlan& p, const Filters& w, int64_t group,
                            int64_t panel, Act&& act) {
  alignas(64) float floats[kCellBlocks * kMostTaps * 2 * kLanes];
  const int64_t channels = s.in_channels / s.groups, outputs = s.out_channels / s.groups;
  const int64_t output = 2 * panel * kLanes;
  Cells cells = {};
  cells.output = w.output;
  cells.vectors = least(2, p.vectors - 2 * panel);
  cells.stop = outputs - output;
  cells.to_step = cells.vectors * kLanes;
  Collected c;
  c.row_floats = s.taps() * cells.to_step;
  c.rows = s.taps() == 1 ? kTileRows : 1;
  c.floats = floats;
  for (c.cell = 0; c.cell < p.cells; ++c.cell) {
    for (c.first = 0; c.first < kTileRows; c.first += c.rows) {
      for (int64_t i = 0; i < kCellBlocks; ++i) {
        const int64_t channel = c.cell * kCellChannels + i * kTileRows + c.first;
        const int64_t real = most(0, least(c.rows, channels - channel));
        cells.from = w.first + group * w.group + output * w.output + channel * w.channel;
        cells.to = floats + i * c.rows * c.row_floats;
        for (int64_t k = real * c.row_floats; k < c.rows * c.row_floats; ++k) cells.to[k] = 0;
        if (real == 0) continue;
        if (s.taps() == 1) {
          cells.count = real;
          cells.step = w.channel;
          pack_cells(cells);
        } else {
          pack_taps(s, w, cells);
        }
      }
      act(c);
    }
  }
}

// The largest of numbers behind one another.
STRIATE_INLINE int32_t peak_of_run(const float* from, int64_t count) {
  IntVector peak[4] = {};
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    STRIATE_UNROLL
    for (int k = 0; k < 4; ++k) {
      peak[k] = larger(peak[k], absolute_bits(load_unaligned(from + i + k * kLanes)));
    }
  }
  for (; i < count; i += kLanes) {
    peak[0] = larger(peak[0], absolute_bits(load_first(from + i, least(kLanes, count - i))));
  }
  return largest_lane(larger(larger(peak[0], peak[1]), larger(peak[2], peak[3])));
}

// The largest weight of each output of a panel.
static void find_output_peaks(const ConvShape& s, const DigitPlan& p, const Filters& w,
                              int64_t group, int64_t panel, IntVector (&peak)[2]) {
  const int64_t output = 2 * panel * kLanes, vectors = least(2, p.vectors - 2 * panel);
  const int64_t channels = s.in_channels / s.groups, outputs = s.out_channels / s.groups;
  peak[0] = peak[1] = IntVector{};
  if (w.tap[2] == 1 && taps_of_run(s, w) == s.taps() && w.channel == s.taps()) {
    for (int64_t o = 0; o < least(2 * kLanes, outputs - output); ++o) {
      const float* const from = w.first + group * w.group + (output + o) * w.output;
      peak[o / kLanes][o % kLanes] = peak_of_run(from, channels * s.taps());
    }
    return;
  }
  collect_weights(s, p, w, group, panel, [&](const Collected& c) {
    for (int64_t i = 0; i < kCellBlocks * c.rows * c.row_floats; i += kLanes) {
      IntVector& lanes = peak[i / kLanes % vectors];
      lanes = larger(lanes, absolute_bits(load(c.floats + i)));
    }
  });
}

// The last panel may be of one vector. There is room for two: what nobody reads is 0.
static void pack_panel(const ConvShape& s, const DigitPlan& p, const Filters& w, int64_t group,
                       int64_t panel, float* to) {
  const int64_t vectors = least(2, p.vectors - 2 * panel), row = s.taps() * vectors * kLanes;
  const int64_t used = p.cells * s.taps() * kDigits * vectors * kTileWords;
  IntVector peak[2];
  find_output_peaks(s, p, w, group, panel, peak);
  Vector each[2];
  for (int64_t v = 0; v < 2; ++v) {
    const Vector unit = unit_of((Vector)peak[v]);
    each[v] = per_unit(unit);
    if (v < vectors) store(to + used + v * kLanes, unit);
  }
  collect_weights(s, p, w, group, panel, [&](const Collected& c) {
    for (int64_t i = 0; i < c.rows * row; i += kLanes) {
      const int64_t r = c.first + i / row, tap = i % row / kLanes / vectors;
      const int64_t v = i / kLanes % vectors;
      Vector x[kCellBlocks];
      for (int64_t k = 0; k < kCellBlocks; ++k) {
        x[k] = load(c.floats + k * c.rows * row + i) * each[v];
      }
      float* const tiles = to + (c.cell * s.taps() + tap) * kDigits * vectors * kTileWords;
      store_digits(x, tiles + v * kTileWords + r * kLanes, vectors * kTileWords);
    }
  });
  for (int64_t i = used + vectors * kLanes; i < p.panel_floats; ++i) to[i] = 0;
}

}  // namespace striate::STRIATE_TARGET
