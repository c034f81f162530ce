// What a batch norm's gradients are made of, pixel by pixel. Only for files that are compiled once
// a target.
#pragma once

#include "batch_norm/kernels/channels.hpp"
#include "batch_norm/shape.hpp"
#include "pool/kernels/spread.hpp"

namespace striate::STRIATE_TARGET {

using Mask = BatchNormMask;

// Where the pixels of a run lie, and what masks them.
struct Run {
  const float *gy, *added, *x, *y;  // `added` and y where there are such
  float low, high;
};

template <Mask kMask>
STRIATE_INLINE Vector masked_gradient(const Run& run, const Channels& c, int64_t at) {
  Vector g = load(run.gy + at);
  if (run.added != nullptr) g += load(run.added + at);
  if (kMask == Mask::none) return g;
  const Vector v = kMask == Mask::own ? normalised(c, load(run.x + at)) : load(run.y + at);
  return masked(~((v <= run.low) | (v >= run.high)), g);
}

// gx = g * scale + (x - mean) * b + c of a block; in evaluation g * scale alone.
struct InputNumbers {
  Channels channels;
  Vector b, c;
};

STRIATE_INLINE InputNumbers load_numbers(const float* from) {
  return {{load(from), load(from + kLanes), load(from + 2 * kLanes)},
          load(from + 3 * kLanes),
          load(from + 4 * kLanes)};
}

STRIATE_INLINE void store_numbers(float* to, const InputNumbers& n) {
  store(to, n.channels.mean);
  store(to + kLanes, n.channels.scale);
  store(to + 2 * kLanes, n.channels.bias);
  store(to + 3 * kLanes, n.b);
  store(to + 4 * kLanes, n.c);
}

template <Mask kMask, bool kTraining>
static void write_run(const Run& run, const InputNumbers& n, int64_t first, int64_t pixels,
                      float* gx) {
  const InputNumbers own = n;  // in registers
  for (int64_t at = first * kLanes; at < (first + pixels) * kLanes; at += kLanes) {
    Vector v = masked_gradient<kMask>(run, own.channels, at) * own.channels.scale;
    if (kTraining) v += (load(run.x + at) - own.channels.mean) * own.b + own.c;
    store(gx + at, v);
  }
}

// Spread what was pooled of pixels first .. first + count - 1 of image n, of a block of channels.
STRIATE_INLINE void spread_given(const BatchNormGiven& s, int64_t n, int64_t block, int64_t first,
                                 int64_t count, const float* gy, const float* places, float* to) {
  const int64_t own = s.given_pixels() * kLanes, at = block * own;
  const int64_t image = n * ceil_div(s.channels, kLanes) * own;
  const uint8_t* const bytes = reinterpret_cast<const uint8_t*>(places) + image + at;
  spread({s.in, s.window, gy + n * s.gy_batch_stride + at, bytes}, first, count, to);
}

}  // namespace striate::STRIATE_TARGET
