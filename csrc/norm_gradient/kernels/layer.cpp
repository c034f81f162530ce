// Gradients of layer normalisation over the channels of each pixel of a blocked map.
//
// L pixels of an image at a time, a tile; their sums over channels become one vector with a lane a
// pixel (lanes.hpp). Three passes, of which the first copies the tile, since blocks lie a whole map
// apart, where many of them can share a few sets of the caches:
//
//   scratch [x | gy][block][L pixels][L lanes]        96 channels, L = 8: 6 KiB; 768: 48 KiB
//
//   1  copies; what x is measured from, the mean of each pixel's first block; gb
//   2  sums of d = x - that mean, of d^2, of g = gy * weight and of g * d
//   3  gw; gx = g * scale + n * slope + offset
//
// A phase behind adds up the tasks' sums for gw and gb in their order, in float64:
//
//   shared: cells [task][block][gw | gb][L]
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "norm_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int kTile = kLanes;                         // pixels
constexpr int64_t kTask = 8192, kTiles = 64 / kTile;  // numbers of a task, and tiles, at least
constexpr int64_t kCell = 2 * kLanes;

struct Split {
  int64_t blocks, tiles, of_task, tasks;  // tiles of an image, and of a task
};

Split split_of(const NormGradientShape& s) {
  Split split;
  split.blocks = ceil_div(s.channels, kLanes);
  split.tiles = ceil_div(s.pixels, kTile);
  split.of_task = most(kTiles, kTask / (split.blocks * kLanes * kTile));
  split.tasks = ceil_div(s.batch * split.tiles, split.of_task);
  return split;
}

bool fits(const NormGradientShape& s) {
  return s.mode == NormGradientMode::layer && !s.plain;
}

Needs needs(const NormGradientShape& s, int) {
  const Split split = split_of(s);
  Needs needs;
  needs.shared_floats = ceil_div(split.tasks * split.blocks * kCell, 16) * 16;
  needs.thread_floats = ceil_div(2 * split.blocks * kTile * kLanes, 16) * 16;
  needs.phases = 2;
  needs.tasks[0] = split.tasks;
  needs.tasks[1] = split.blocks;
  return needs;
}

struct Tile {
  const NormGradientShape& s;
  const float *gy, *x, *weight;  // the first pixel in block 0
  float *gx, *room, *cells;
  int64_t blocks, step, count;  // floats from block to block; pixels

  float* kept_x(int64_t block) const { return room + block * kTile * kLanes; }
  float* kept_gy(int64_t block) const { return kept_x(blocks + block); }
  Vector weights(int64_t block) const {
    return s.weight ? load_channels(weight, s.channels, block) : broadcast(1);
  }
};

// Numbers of the tile's pixels, a lane each; `from` is subtracted from x before `rest` is.
struct Pixels {
  alignas(64) float from[kLanes] = {}, rest[kLanes] = {}, scale[kLanes], slope[kLanes],
                    offset[kLanes];
};

// Pixels behind the image are 0 there.
template <bool kWhole>
STRIATE_INLINE Vector load_pixel(const float* map, int64_t pixel, int64_t count) {
  return kWhole || pixel < count ? load(map + pixel * kLanes) : Vector{};
}

// Lanes without a channel hold what x is measured from, and no gradient: they add nothing.
template <bool kWhole>
void copy_tile(const Tile& t, Pixels& pixels) {
  for (int64_t b = 0; b < t.blocks; ++b) {
    const int64_t used = used_lanes(t.s.channels, b);
    const IntVector mask = first_lanes(used);
    float *x = t.kept_x(b), *gy = t.kept_gy(b);
    Vector sum{}, firsts[kTile];
    STRIATE_UNROLL
    for (int p = 0; p < kTile; ++p) {
      firsts[p] = masked(mask, load_pixel<kWhole>(t.x + b * t.step, p, t.count));
      const Vector g = masked(mask, load_pixel<kWhole>(t.gy + b * t.step, p, t.count));
      sum += g;
      store(x + p * kLanes, firsts[p]);
      store(gy + p * kLanes, g);
    }
    float* gb = t.cells + b * kCell + kLanes;
    store(gb, load(gb) + sum);
    if (t.s.rms) continue;
    if (b == 0) {
      store(pixels.from, sums_of_lanes(firsts) * (1.0f / static_cast<float>(used)));
    }
    if (used == kLanes) continue;
    for (int p = 0; p < kTile; ++p) {
      const Vector from = masked(~mask, broadcast(pixels.from[p]));
      store(x + p * kLanes, load(x + p * kLanes) + from);
    }
  }
}

// Ask for the next tile's lines, a part while each pair of pixels is measured: what a tile reads is
// in short runs, that no prefetcher follows.
STRIATE_INLINE void prefetch_next(const Tile& t, int64_t block, int pair) {
  constexpr int kLines = kTile * kLanes / 16 / (kTile / 2);
  const int64_t at = block * t.step + kTile * kLanes + pair * kLines * 16;
  STRIATE_UNROLL
  for (int i = 0; i < kLines; ++i) {
    __builtin_prefetch(t.x + at + i * 16);
    __builtin_prefetch(t.gy + at + i * 16);
  }
}

// Two pixels at a time: eight sums side by side, and the weight loaded once for both.
void measure(const Tile& t, Pixels& pixels) {
  Vector sum[kTile], square[kTile], gradient[kTile], product[kTile];
  for (int p = 0; p < kTile; p += 2) {
    Vector s[2] = {}, q[2] = {}, g[2] = {}, r[2] = {};
    const Vector from[2] = {broadcast(pixels.from[p]), broadcast(pixels.from[p + 1])};
    for (int64_t b = 0; b < t.blocks; ++b) {
      const Vector weight = t.weights(b);
      prefetch_next(t, b, p / 2);
      STRIATE_UNROLL
      for (int k = 0; k < 2; ++k) {
        const Vector d = load(t.kept_x(b) + (p + k) * kLanes) - from[k];
        const Vector v = load(t.kept_gy(b) + (p + k) * kLanes) * weight;
        s[k] += d;
        q[k] += d * d;
        g[k] += v;
        r[k] += v * d;
      }
    }
    STRIATE_UNROLL
    for (int k = 0; k < 2; ++k) {
      sum[p + k] = s[k], square[p + k] = q[k], gradient[p + k] = g[k], product[p + k] = r[k];
    }
  }
  const float share = 1.0f / static_cast<float>(t.s.channels);
  const Vector rest = t.s.rms ? Vector{} : sums_of_lanes(sum) * share;
  const Vector variance = sums_of_lanes(square) * share - rest * rest;
  const Vector scale = masked(first_lanes(t.count), 1.0f / sqrt(variance + t.s.eps));
  const Vector mean = sums_of_lanes(gradient) * share;
  const Vector slope = (sums_of_lanes(product) * share - mean * rest) * scale;
  store(pixels.rest, rest);
  store(pixels.scale, scale);
  store(pixels.slope, -slope * scale);
  store(pixels.offset, t.s.rms ? Vector{} : -mean * scale);
}

template <bool kWhole>
void write_tile(const Tile& t, const Pixels& pixels) {
  for (int64_t b = 0; b < t.blocks; ++b) {
    const Vector weight = t.weights(b);
    const float *x = t.kept_x(b), *gy = t.kept_gy(b);
    Vector sum{};
    STRIATE_UNROLL
    for (int p = 0; p < kTile; ++p) {
      const Vector scale = broadcast(pixels.scale[p]);
      const Vector d = load(x + p * kLanes) - broadcast(pixels.from[p]);
      const Vector n = (d - broadcast(pixels.rest[p])) * scale, g = load(gy + p * kLanes);
      sum += g * n;
      if (!t.s.input || (!kWhole && p >= t.count)) continue;
      store(t.gx + b * t.step + p * kLanes,
            g * weight * scale + n * broadcast(pixels.slope[p]) + broadcast(pixels.offset[p]));
    }
    float* gw = t.cells + b * kCell;
    store(gw, load(gw) + sum);
  }
}

void run_task(const NormGradientShape& s, const Buffers& buffers, const Split& split,
              int64_t task) {
  float* cells = buffers.shared + task * split.blocks * kCell;
  for (int64_t i = 0; i < split.blocks * kCell; ++i) cells[i] = 0;
  const int64_t stop = least((task + 1) * split.of_task, s.batch * split.tiles);
  for (int64_t tile = task * split.of_task; tile < stop; ++tile) {
    const int64_t n = tile / split.tiles, p = tile % split.tiles * kTile;
    const Tile t = {s,
                    buffers.in[0] + n * s.gy_batch_stride + p * kLanes,
                    buffers.in[1] + n * s.x_batch_stride + p * kLanes,
                    buffers.in[2],
                    s.input ? buffers.out[0] + n * s.gx_batch_stride + p * kLanes : nullptr,
                    buffers.scratch,
                    cells,
                    split.blocks,
                    s.pixels * kLanes,
                    least(kTile, s.pixels - p)};
    Pixels pixels;
    const bool whole = t.count == kTile;
    (whole ? copy_tile<true> : copy_tile<false>)(t, pixels);
    measure(t, pixels);
    (whole ? write_tile<true> : write_tile<false>)(t, pixels);
  }
}

void put_together(const NormGradientShape& s, const Buffers& buffers, const Split& split,
                  int64_t block) {
  double sums[kCell] = {};
  for (int64_t task = 0; task < split.tasks; ++task) {
    const float* cell = buffers.shared + (task * split.blocks + block) * kCell;
    for (int64_t i = 0; i < kCell; ++i) sums[i] += cell[i];
  }
  Vector gw, gb;
  for (int lane = 0; lane < kLanes; ++lane) {
    gw[lane] = static_cast<float>(sums[lane]);
    gb[lane] = static_cast<float>(sums[kLanes + lane]);
  }
  store_channels(buffers.out[1], gw, s.channels, block);
  store_channels(buffers.out[2], gb, s.channels, block);
}

void run(const NormGradientShape& s, const Buffers& buffers, int phase, int64_t first,
         int64_t stop) {
  const Split split = split_of(s);
  for (int64_t task = first; task < stop; ++task) {
    if (phase == 0) {
      run_task(s, buffers, split, task);
    } else {
      put_together(s, buffers, split, task);
    }
  }
}

}  // namespace

extern const Kernel<NormGradientShape> norm_gradient_layer;
const Kernel<NormGradientShape> norm_gradient_layer = {"layer", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
