// How the first layer's Winograd algorithm (first_winograd.cpp) cuts a map, and the transforms of
// what lies in a task's scratch: x -> h -> v, and m -> half -> y.
#pragma once

#include "conv/kernels/winograd_phases.hpp"
#include "conv/shape.hpp"
#include "kernels/activate.hpp"
#include "kernels/transpose.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kChunkTiles = 32;  // of a row
constexpr int64_t kBandRows = 4;     // of tiles
constexpr int64_t kTasks = 12;       // as many, if bands of more than one row make so many
constexpr int64_t kMostChannels = 32;

constexpr int kGroup = kLanes / kTilePixels * kTilePixels;  // tiles

struct FirstPlan {
  int64_t channels, vectors;
  int64_t rows, columns, chunks, bands;  // tiles of a plane, and what they are cut into
  int64_t groups;                        // of the largest chunk
  int64_t planes, kept;                  // that an output reads; groups of them that v holds
  int64_t ranges;                        // of planes of outputs
  int64_t line;                          // floats of h from line to line
  int64_t v_group;                       // of v from group to group
  int64_t padded_floats, h_floats, v_floats, m_floats, half_floats;
};

STRIATE_INLINE int64_t round_up(int64_t n, int64_t step) {
  return ceil_div(n, step) * step;
}

template <typename P>
static FirstPlan first_plan(const ConvShape& s) {
  FirstPlan z;
  z.channels = s.in_channels;
  z.vectors = ceil_div(s.out_channels, kLanes);
  z.rows = ceil_div(s.out[1], kTileOutputs);
  z.columns = ceil_div(s.out[2], kTileOutputs);
  z.chunks = ceil_div(z.columns, kChunkTiles);
  z.planes = s.kernel[0];
  if (z.planes == 1) {
    const int64_t all = s.batch * s.out[0] * z.chunks * z.rows;
    z.bands = ceil_div(z.rows, most(1, least(kBandRows, all / kTasks)));
    z.ranges = s.out[0];
  } else {
    z.bands = z.rows;
    z.ranges = most(1, least(s.out[0], ceil_div(kTasks, s.batch * z.chunks * z.bands)));
  }
  const int64_t chunk = ceil_div(z.columns, z.chunks);
  z.groups = ceil_div(chunk, kGroup);
  z.kept = z.planes == 1 ? 1 : z.groups;
  z.line = round_up(chunk, kLanes);
  z.padded_floats = round_up((z.line + kLanes) * P::kStep + kLanes, 16);
  // A group's lanes may be more than its tiles, and more than are left of a line.
  z.h_floats = round_up(z.channels * P::kReach * P::kLines * z.line + kLanes, 16);
  z.v_group = round_up(z.channels * P::kLines * P::kLines * kLanes, 16);
  z.v_floats = z.planes * z.kept * z.v_group;
  z.m_floats = P::kPoints * 2 * kGroup * kLanes;
  z.half_floats = kTileOutputs * z.m_floats;
  return z;
}

// Inputs of kLanes tiles: d[i] is input i of each. Those behind a step are the next tile's, too.
template <typename P>
constexpr int kRead = P::kStep < kLanes ? P::kStep : (P::kStep + kLanes - 1) / kLanes * kLanes;

template <typename P>
STRIATE_INLINE void read_tiles(const float* x, Vector (&d)[kRead<P>]) {
  if constexpr (P::kStep < kLanes) {
    STRIATE_UNROLL
    for (int i = 0; i < P::kStep; ++i) d[i] = load_unaligned(x + i * kLanes);
    deal(d);
  } else {
    STRIATE_UNROLL
    for (int i = 0; i < kRead<P>; i += kLanes) {
      Vector square[kLanes];
      STRIATE_UNROLL
      for (int j = 0; j < kLanes; ++j) square[j] = load_unaligned(x + j * P::kStep + i);
      transpose(square);
      STRIATE_UNROLL
      for (int j = 0; j < kLanes; ++j) d[i + j] = square[j];
    }
  }
}

// A row, with zeros where the map ends, as its lines.
template <typename P>
static void transform_row(const float* padded, int64_t line, float* h) {
  Vector now[kRead<P>], next[kRead<P>];
  read_tiles<P>(padded, now);
  for (int64_t tile = 0; tile < line; tile += kLanes) {
    read_tiles<P>(padded + (tile + kLanes) * P::kStep, next);
    Vector d[P::kReach], t[P::kLines];
    STRIATE_UNROLL
    for (int i = 0; i < P::kReach; ++i) {
      d[i] = i < kRead<P> ? now[i] : shifted(now[i - P::kStep], next[i - P::kStep]);
    }
    transform_inputs<P>(d, t);
    STRIATE_UNROLL
    for (int i = 0; i < P::kLines; ++i) store(h + i * line + tile, t[i]);
    STRIATE_UNROLL
    for (int i = 0; i < kRead<P>; ++i) now[i] = next[i];
  }
}

// h, from the first tile of a group on, to v. `top` is the tiles' first row.
template <typename P>
static void transform_columns(const FirstPlan& z, const float* h, int64_t top, float* v) {
  constexpr int L = P::kLines;
  for (int64_t c = 0; c < z.channels; ++c, h += P::kReach * L * z.line, v += kLanes) {
    const float* rows[P::kReach];
    for (int i = 0; i < P::kReach; ++i) rows[i] = h + (top + i) % P::kReach * L * z.line;
    for (int j = 0; j < L; ++j) {
      Vector d[P::kReach], t[L];
      STRIATE_UNROLL
      for (int i = 0; i < P::kReach; ++i) d[i] = load_unaligned(rows[i] + j * z.line);
      transform_inputs<P>(d, t);
      const int q = j / P::kStride;
      float* const to = v + P::begin(q) * L * z.channels * kLanes;
      STRIATE_UNROLL
      for (int i = 0; i < L; ++i) {
        const int p = i / P::kStride;
        const int64_t place =
            P::begin(p) * P::count(q) + (j - P::begin(q)) * P::count(p) + i - P::begin(p);
        store(to + place * z.channels * kLanes, t[i]);
      }
    }
  }
}

// m of one vector to `half`, at a point across.
template <typename P>
static void make_rows(const float* m, int64_t tiles, float* half) {
  for (int64_t tile = 0; tile < tiles; ++tile, m += kLanes) {
    Vector d[P::kPoints], y[kTileOutputs];
    STRIATE_UNROLL
    for (int p = 0; p < P::kPoints; ++p) d[p] = load(m + p * 2 * kGroup * kLanes);
    transform_products<P>(d, y);
    STRIATE_UNROLL
    for (int i = 0; i < kTileOutputs; ++i, half += P::kPoints * kLanes) store(half, y[i]);
  }
}

// Where the outputs of a group and one vector go, and how many there are.
struct FirstOutputs {
  float* y;
  int64_t y_row, rows, columns;
};

template <typename P>
static void make_outputs(const ConvShape& s, const float* half, const float* bias,
                         const FirstOutputs& to) {
  const Vector start = bias != nullptr ? load(bias) : Vector{};
  const bool clamp = s.activation.kind == Activation::clamp;
  const Vector low = broadcast(s.activation.alpha), high = broadcast(s.activation.beta);
  for (int64_t column = 0; column < to.columns; column += kTileOutputs) {
    float* row = to.y + column * kLanes;
    for (int i = 0; i < kTileOutputs; ++i, half += P::kPoints * kLanes, row += to.y_row) {
      if (i >= to.rows) continue;
      Vector d[P::kPoints], y[kTileOutputs];
      STRIATE_UNROLL
      for (int q = 0; q < P::kPoints; ++q) d[q] = load(half + q * kLanes);
      transform_products<P>(d, y);
      STRIATE_UNROLL
      for (int j = 0; j < kTileOutputs; ++j) {
        y[j] += start;
        if (clamp) y[j] = min(high, max(low, y[j]));
        if (column + j < to.columns) store(row + j * kLanes, y[j]);
      }
    }
  }
  if (s.activation.kind == Activation::none || clamp) return;
  for (int64_t i = 0; i < to.rows; ++i) {
    activate_vectors(s.activation, to.y + i * to.y_row, to.columns, kLanes);
  }
}

}  // namespace striate::STRIATE_TARGET
