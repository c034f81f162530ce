// Layer normalisation over the channels of each pixel of a blocked map.
//
// L pixels at a time: a vector of sums each, which are added up across together (lanes.hpp), so
// that lane i of mean and deviation belongs to pixel i. The first pass copies the pixels to
//
//   scratch [block][L pixels][L lanes]        96 channels, L = 8: 3 KiB; 768: 24 KiB
//
// since blocks lie a whole map apart, where many of them can share a few sets of L1. A task is 8192
// numbers or more.
#include "kernels/activate.hpp"
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "norm/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;
constexpr int kTile = kLanes;  // pixels

int64_t tiles_of_task(const NormShape& s) {
  return most(1, kTask / (ceil_div(s.channels, kLanes) * kLanes * kTile));
}

bool fits(const NormShape& s) {
  return s.mode == NormMode::layer && !s.plain;
}

Needs needs(const NormShape& s, int) {
  const int64_t blocks = ceil_div(s.channels, kLanes);
  Needs needs;
  needs.thread_floats = ceil_div(blocks * kTile * kLanes, 16) * 16;
  needs.tasks[0] = s.batch * ceil_div(ceil_div(s.pixels, kTile), tiles_of_task(s));
  return needs;
}

struct Tile {
  const NormShape& s;
  const float* x;  // the first pixel in block 0
  float* y;
  float* room;
  int64_t blocks, step;  // floats from block to block
  IntVector last;        // lanes of the last block
};

// Sums of the pixels: of x for the mean, which is copied; or of x - mean and its squares.
template <int kCount>
STRIATE_INLINE Vector copied_sums(const Tile& t, int64_t count) {
  Vector sum[kTile] = {};
  for (int64_t b = 0; b < t.blocks; ++b) {
    const float* x = t.x + b * t.step;
    float* room = t.room + b * kTile * kLanes;
    const IntVector mask = b + 1 == t.blocks ? t.last : first_lanes(kLanes);
    STRIATE_UNROLL
    for (int p = 0; p < (kCount ? kCount : kTile); ++p) {
      if (!kCount && p >= count) break;
      const Vector v = masked(mask, load(x + p * kLanes));
      store(room + p * kLanes, v);
      sum[p] += v;
    }
  }
  return sums_of_lanes(sum);
}

template <int kCount>
STRIATE_INLINE void centred_sums(const Tile& t, int64_t count, const float* mean, Vector* rest,
                                 Vector* squares) {
  Vector sum[kTile] = {}, square[kTile] = {};
  for (int64_t b = 0; b < t.blocks; ++b) {
    const float* room = t.room + b * kTile * kLanes;
    const IntVector mask = b + 1 == t.blocks ? t.last : first_lanes(kLanes);
    STRIATE_UNROLL
    for (int p = 0; p < (kCount ? kCount : kTile); ++p) {
      if (!kCount && p >= count) break;
      const Vector v = masked(mask, load(room + p * kLanes) - broadcast(mean[p]));
      sum[p] += v;
      square[p] += v * v;
    }
  }
  *rest = sums_of_lanes(sum);
  *squares = sums_of_lanes(square);
}

template <int kCount>
void normalise(const Tile& t, const Buffers& buffers, int64_t count) {
  const NormShape& s = t.s;
  const float share = 1.0f / static_cast<float>(s.channels);
  alignas(64) float mean[kLanes] = {}, scale[kLanes];
  const Vector sums = copied_sums<kCount>(t, count);
  if (!s.rms) store(mean, sums * share);
  Vector rest, squares;
  centred_sums<kCount>(t, count, mean, &rest, &squares);
  rest = s.rms ? Vector{} : rest * share;
  store(scale, 1.0f / sqrt(squares * share - rest * rest + s.eps));
  alignas(64) float moved[kLanes];
  store(moved, rest);
  const bool clamp = s.activation.kind == Activation::clamp;
  const bool inside = clamp || s.activation.kind == Activation::none;
  const float low = clamp ? s.activation.alpha : -kInfinity;
  const float high = clamp ? s.activation.beta : kInfinity;
  for (int64_t b = 0; b < t.blocks; ++b) {
    const float* room = t.room + b * kTile * kLanes;
    float* y = t.y + b * t.step;
    const Vector weight = s.weight ? load(buffers.weight[0] + b * kLanes) : broadcast(1);
    const Vector bias = s.bias ? load(buffers.weight[1] + b * kLanes) : Vector{};
    STRIATE_UNROLL
    for (int p = 0; p < (kCount ? kCount : kTile); ++p) {
      if (!kCount && p >= count) break;
      const Vector v = load(room + p * kLanes) - broadcast(mean[p]) - broadcast(moved[p]);
      store(y + p * kLanes, between(low, v * broadcast(scale[p]) * weight + bias, high));
    }
    if (!inside) activate(s.activation, y, y, count * kLanes);
  }
  clear_lanes(t.y + (t.blocks - 1) * t.step, count, used_lanes(s.channels, t.blocks - 1));
}

void run(const NormShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t blocks = ceil_div(s.channels, kLanes), tiles = ceil_div(s.pixels, kTile);
  const int64_t of_task = tiles_of_task(s), tasks = ceil_div(tiles, of_task);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t n = task / tasks, from = task % tasks * of_task;
    for (int64_t tile = from; tile < least(tiles, from + of_task); ++tile) {
      const int64_t p = tile * kTile, count = least(kTile, s.pixels - p);
      const Tile t = {s,
                      buffers.in[0] + n * s.x_batch_stride + p * kLanes,
                      buffers.out[0] + n * s.y_batch_stride + p * kLanes,
                      buffers.scratch,
                      blocks,
                      s.pixels * kLanes,
                      first_lanes(used_lanes(s.channels, blocks - 1))};
      if (count == kTile) {
        normalise<kTile>(t, buffers, count);
      } else {
        normalise<0>(t, buffers, count);
      }
    }
  }
}

}  // namespace

extern const Kernel<NormShape> norm_layer;
const Kernel<NormShape> norm_layer = {"layer", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
