// The loops around the microkernel: a block of output pixels by a range of output channels.
//
//   for each segment of K:                  256 or so: its weights of a panel stay in L1
//     for each panel of output channels:    2 vectors; the last of an odd number has 3
//       for each tile of pixels:            the block's input stays in L2
//         gather_tile
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
  int64_t runs, run;
  float* c;               // first vector of all output channels, first run
  const float* residual;  // likewise; null: none
  int64_t c_run, c_vector;
  const float* w;  // all panels
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

static void dense_segment(const DenseBlock& t, const DenseSegment& s) {
  const bool last = s.before + s.blocks * s.depth == t.depth_all;
  GatherTile g;
  g.a = t.a;
  g.step = s.step;
  g.blocks = s.blocks;
  g.depth = s.depth;
  g.c_vector = t.c_vector;
  g.accumulate = s.before > 0;
  g.clamp = last && t.activation.kind == Activation::clamp;
  g.low = t.activation.alpha;
  g.high = t.activation.beta;
  for (int64_t panel = t.first_panel; panel < t.stop_panel; ++panel) {
    const int64_t nv = panel_vectors(t.vectors, panel), vector = 2 * panel;
    const int64_t tiles = ceil_div(t.run, kGatherPixels[nv - 1]);
    g.w = t.w + (vector * t.depth_all + nv * s.before) * kLanes;
    g.bias = t.bias != nullptr ? t.bias + vector * kLanes : nullptr;
    for (int64_t r = 0; r < t.runs; ++r) {
      const int64_t place = vector * t.c_vector + r * t.c_run;
      const int64_t large = t.run % tiles, small = t.run / tiles;
      int64_t p = 0;
      for (int64_t i = 0; i < tiles; ++i) {
        const int64_t np = small + (i < large ? 1 : 0);
        g.pixel = t.pixel + r * t.run + p;
        g.c = t.c + place + p * kLanes;
        g.residual = last && t.residual != nullptr ? t.residual + place + p * kLanes : nullptr;
        const bool row = t.cells && g.pixel[np - 1] - g.pixel[0] == (np - 1) * kLanes;
        kGather.of[row ? 1 : 0][nv - 1][np - 1](g);
        p += np;
      }
    }
    if (last && t.activation.kind != Activation::none && t.activation.kind != Activation::clamp) {
      dense_activate(t, vector, nv);
    }
  }
}

}  // namespace striate::STRIATE_TARGET
