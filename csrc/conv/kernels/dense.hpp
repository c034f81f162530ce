// The loops around the microkernel: a block of output pixels by a range of output channels.
//
//   for each segment of K:                  256 or so: its weights of a panel stay in L1
//     for each panel of output channels:    2 vectors; the last of an odd number has 3
//       for each tile of pixels:            the block's input stays in L2
//         gather_tiles
#pragma once

#include "conv/kernels/gather.hpp"
#include "conv/kernels/panels.hpp"
#include "kernels/activate.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kSegment = 256;  // of K: 16 KiB of weights on 8 lanes

// `runs` runs of `run` pixels each; those of a run follow one another in c.
struct DenseBlock {
  const float* a;
  const int64_t* pixel;  // runs * run distances from a
  bool cells;            // pixels are vectors, as in blocked maps
  bool taps = false;     // runs are pixels of one row, beside one vector; blocks, taps in threes
  int64_t ahead = 0;     // floats from pixel to pixel if a is not in L2 yet; 0: it is
  int64_t runs, run;
  float* c;               // first vector of all output channels, first run
  const float* residual;  // likewise; null: none
  int64_t c_run, c_vector;
  const float* w;            // all panels
  bool own_weights = false;  // but a segment's of the range alone are there
  NextLines next;            // then: what the next segment's are packed from
  const float* bias;
  int64_t vectors;    // output channels
  int64_t depth_all;  // K of all segments
  int64_t first_panel, stop_panel;
  ActivationSpec activation;
};

struct DenseSegment {
  const int64_t* step;
  int64_t blocks, depth;
  int64_t before;  // K of the segments before
};

static void dense_activate(const DenseBlock& t, int64_t vector, int64_t count) {
  for (int64_t v = vector; v < vector + count; ++v) {
    for (int64_t r = 0; r < t.runs; ++r) {
      float* c = t.c + v * t.c_vector + r * t.c_run;
      activate(t.activation, c, c, t.run * kLanes);
    }
  }
}

STRIATE_INLINE bool in_row(const DenseBlock& t, const int64_t* pixel, int64_t pixels) {
  return t.cells && pixel[pixels - 1] - pixel[0] == (pixels - 1) * kLanes;
}

// Tiles of a run beside so many vectors of outputs.
STRIATE_INLINE int64_t dense_tiles(const DenseBlock& t, int64_t r, int64_t vectors) {
  const bool apart = vectors == 1 && !in_row(t, t.pixel + r * t.run, t.run);
  return ceil_div(t.run, apart ? kApartPixels : kGatherPixels[vectors - 1]);
}

// The weights of one segment of a panel.
STRIATE_INLINE const float* dense_weights(const DenseBlock& t, const DenseSegment& s, int64_t panel,
                                          int64_t before) {
  if (t.own_weights) return t.w + 2 * (panel - t.first_panel) * s.blocks * s.depth * kLanes;
  return t.w + (2 * panel * t.depth_all + panel_vectors(t.vectors, panel) * before) * kLanes;
}

// Fetch meanwhile what is read next: the next panel, the first one of the next
// segment, or of the next task.
STRIATE_INLINE void dense_next(const DenseBlock& t, const DenseSegment& s, int64_t panel,
                               int64_t tiles, GatherTiles& g) {
  const int64_t behind = s.before + s.blocks * s.depth;
  const bool last = behind == t.depth_all;
  int64_t next = panel + 1, before = s.before;
  if (next == t.stop_panel) {
    next = last ? t.stop_panel % panels_of(t.vectors) : t.first_panel;
    before = last ? 0 : behind;
  }
  const int64_t floats = panel_vectors(t.vectors, next) * s.blocks * s.depth * kLanes;
  const int64_t blocks = t.taps ? s.blocks / kTapsWide : s.blocks;
  const int64_t lines = ceil_div(floats, kLineFloats * tiles * blocks);
  g.next = {dense_weights(t, s, next, before), lines, kLineFloats, lines * kLineFloats, 0};
}

// The tiles of one run beside one panel, near-equal.
static void dense_run(const DenseBlock& t, int64_t r, int64_t vectors, GatherTiles& g) {
  const int64_t* pixel = t.pixel + r * t.run;
  const int64_t tiles = dense_tiles(t, r, vectors);
  const int64_t large = t.run % tiles, small = t.run / tiles;
  const auto reads = [&](int64_t p, int64_t np) STRIATE_LAMBDA {
    return t.taps ? Reads::taps : in_row(t, pixel + p, np) ? Reads::row : Reads::apart;
  };
  int64_t p = 0;
  for (int64_t i = 0; i < tiles;) {
    const int64_t np = small + (i < large ? 1 : 0), first = i;
    const Reads kind = reads(p, np);
    g.pixel = pixel + p;
    for (; i < (first < large ? large : tiles) && reads(p, np) == kind; ++i) p += np;
    g.tiles = i - first;
    kGather.of[static_cast<int>(kind)][vectors - 1][np - 1](g);
    g.c += g.tiles * np * kLanes;
    if (g.residual != nullptr) g.residual += g.tiles * np * kLanes;
  }
}

static void dense_segment(const DenseBlock& t, const DenseSegment& s) {
  const bool last = s.before + s.blocks * s.depth == t.depth_all;
  GatherTiles g;
  g.a = t.a;
  g.step = s.step;
  g.blocks = s.blocks;
  g.depth = s.depth;
  g.c_vector = t.c_vector;
  g.accumulate = s.before > 0;
  g.clamp = last && t.activation.kind == Activation::clamp;
  g.low = t.activation.alpha;
  g.high = t.activation.beta;
  if (t.own_weights) g.next = t.next;
  for (int64_t panel = t.first_panel; panel < t.stop_panel; ++panel) {
    const int64_t nv = panel_vectors(t.vectors, panel), vector = 2 * panel;
    g.w = dense_weights(t, s, panel, s.before);
    g.bias = t.bias != nullptr ? t.bias + vector * kLanes : nullptr;
    g.ahead = panel == t.first_panel ? t.ahead : 0;
    if (!t.own_weights) dense_next(t, s, panel, t.runs * dense_tiles(t, 0, nv), g);
    for (int64_t r = 0; r < t.runs; ++r) {
      const int64_t place = vector * t.c_vector + r * t.c_run;
      g.c = t.c + place;
      g.residual = last && t.residual != nullptr ? t.residual + place : nullptr;
      dense_run(t, r, nv, g);
    }
    if (last && t.activation.kind != Activation::none && t.activation.kind != Activation::clamp) {
      dense_activate(t, vector, nv);
    }
  }
}

}  // namespace striate::STRIATE_TARGET
