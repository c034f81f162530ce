// How the maps of a pooling's gradient are dealt out. Only for files that are compiled once a
// target.
#pragma once

#include "kernels/vector.hpp"
#include "pool_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kTaskVectors = 4096;  // of gx, written by a task: 2 to 10 us

// Rows of all planes of a map are counted through. A task is a band of gx's rows, or some maps.
struct Split {
  int64_t maps, blocks, rows, bands, maps_of;
  int64_t tasks() const { return ceil_div(maps, maps_of) * bands; }
};

STRIATE_INLINE Split split_of(const PoolShape& s) {
  Split split;
  split.blocks = ceil_div(s.channels, kLanes);
  split.maps = s.batch * split.blocks;
  split.rows = s.in[0] * s.in[1];
  const int64_t vectors = most(s.in_pixels(), s.out_pixels());
  split.bands = most(1, least(split.rows, vectors / kTaskVectors));
  split.maps_of = most(1, kTaskVectors / vectors);
  return split;
}

// One block of channels of an image, and which rows of gx a task writes.
struct Part {
  const float *gy, *x, *y;
  float* gx;
  int64_t first, stop;
};

// work(part) for each part of the tasks first .. stop - 1.
template <typename Work>
STRIATE_INLINE void each_part(const PoolGradientShape& s, const Buffers& b, int64_t first,
                              int64_t stop, Work work) {
  const PoolShape& p = s.pool;
  const Split split = split_of(p);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t band = task % split.bands, map = task / split.bands * split.maps_of;
    for (int64_t m = map; m < least(split.maps, map + split.maps_of); ++m) {
      const int64_t n = m / split.blocks, block = m % split.blocks;
      const int64_t in = block * p.in_pixels() * kLanes, out = block * p.out_pixels() * kLanes;
      work(Part{b.in[0] + n * s.gy_batch_stride + out,
                p.average ? nullptr : b.in[1] + n * p.x_batch_stride + in,
                p.average ? nullptr : b.in[2] + n * p.y_batch_stride + out,
                b.out[0] + n * s.gx_batch_stride + in, cut(split.rows, split.bands, band),
                cut(split.rows, split.bands, band + 1)});
    }
  }
}

}  // namespace striate::STRIATE_TARGET
