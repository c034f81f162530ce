// How the maps of a pooling's gradient are dealt out. Only for files that are compiled once a
// target.
#pragma once

#include "kernels/vector.hpp"
#include "pool/kernels/split.hpp"
#include "pool_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {

STRIATE_INLINE Split gradient_split_of(const PoolShape& s) {
  return split_of(s, s.in[0] * s.in[1]);
}

// One block of channels of an image, and which rows of gx a task writes.
struct Part {
  const float *gy, *x;    // x where the winners are found again
  const uint8_t* places;  // where they were written down
  float* gx;
  int64_t first, stop;
};

// work(part) for each part of the tasks first .. stop - 1.
template <typename Work>
STRIATE_INLINE void each_part(const PoolGradientShape& s, const Buffers& b, int64_t first,
                              int64_t stop, Work work) {
  const PoolShape& p = s.pool;
  const Split split = gradient_split_of(p);
  const bool finds = !p.average && !p.places;
  each_band(
      split, first, stop, [&](int64_t n, int64_t block, int64_t from, int64_t to) STRIATE_LAMBDA {
        const int64_t in = block * p.in_pixels() * kLanes, out = block * p.out_pixels() * kLanes;
        const int64_t whole = n * split.blocks * p.out_pixels() * kLanes;
        work(Part{b.in[0] + n * s.gy_batch_stride + out,
                  finds ? b.in[1] + n * p.x_batch_stride + in : nullptr,
                  p.places ? reinterpret_cast<const uint8_t*>(b.in[1]) + whole + out : nullptr,
                  b.out[0] + n * s.gx_batch_stride + in, from, to});
      });
}

}  // namespace striate::STRIATE_TARGET
