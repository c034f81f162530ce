// How the maps of a pooling are dealt out. Only for files that are compiled once a target.
#pragma once

#include "kernels/vector.hpp"
#include "pool/shape.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kTaskVectors = 4096;  // of the larger map, of a task: 2 to 10 us

// Rows of all planes of a map are counted through. A task is a band of `rows`, or some maps.
struct Split {
  int64_t maps, blocks, rows, bands, maps_of;
  int64_t tasks() const { return ceil_div(maps, maps_of) * bands; }
};

STRIATE_INLINE Split split_of(const PoolShape& s, int64_t rows) {
  Split split;
  split.blocks = ceil_div(s.channels, kLanes);
  split.maps = s.batch * split.blocks;
  split.rows = rows;
  const int64_t vectors = most(s.in_pixels(), s.out_pixels());
  split.bands = most(1, least(split.rows, vectors / kTaskVectors));
  split.maps_of = most(1, kTaskVectors / vectors);
  return split;
}

// work(image, block, first, stop) for the rows of each map of the tasks first .. stop - 1.
template <typename Work>
STRIATE_INLINE void each_band(const Split& split, int64_t first, int64_t stop, Work work) {
  for (int64_t task = first; task < stop; ++task) {
    const int64_t band = task % split.bands, map = task / split.bands * split.maps_of;
    for (int64_t m = map; m < least(split.maps, map + split.maps_of); ++m) {
      work(m / split.blocks, m % split.blocks, cut(split.rows, split.bands, band),
           cut(split.rows, split.bands, band + 1));
    }
  }
}

STRIATE_INLINE Split split_of(const PoolShape& s) {
  return split_of(s, s.out[0] * s.out[1]);
}

// One block of channels of an image, and which rows of y a task writes.
struct PoolPart {
  int64_t block;
  const float* x;
  float* y;
  uint8_t* places;
  int64_t first, stop;
};

// work(part) for each part of the tasks first .. stop - 1.
template <typename Work>
STRIATE_INLINE void each_part(const PoolShape& s, const Buffers& b, int64_t first, int64_t stop,
                              Work work) {
  const Split split = split_of(s);
  each_band(
      split, first, stop, [&](int64_t n, int64_t block, int64_t from, int64_t to) STRIATE_LAMBDA {
        const int64_t in = block * s.in_pixels() * kLanes, out = block * s.out_pixels() * kLanes;
        uint8_t* places = reinterpret_cast<uint8_t*>(b.out[1]);
        if (places != nullptr) places += n * split.blocks * s.out_pixels() * kLanes + out;
        work(PoolPart{block, b.in[0] + n * s.x_batch_stride + in,
                      b.out[0] + n * s.y_batch_stride + out, places, from, to});
      });
}

}  // namespace striate::STRIATE_TARGET
