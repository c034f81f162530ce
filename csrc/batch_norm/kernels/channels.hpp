// What a batch norm does to a channel: y = (x - mean) * scale + bias, for a block of them. Only for
// files that are compiled once a target.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/math.hpp"

namespace striate::STRIATE_TARGET {

struct Channels {
  Vector mean, scale, bias;
};

// The one place where it is computed: the gradient's mask sees the bits that the norm made.
STRIATE_INLINE Vector normalised(const Channels& c, Vector x) {
  return (x - c.mean) * c.scale + c.bias;
}

// Of a shape that tells the channels, eps, and whether there are weights and biases. Lanes without
// a channel get 0.
template <typename Shape>
STRIATE_INLINE Channels channels_of(const Shape& s, int64_t block, const float* mean,
                                    const float* variance, const float* weight, const float* bias) {
  const IntVector used = first_lanes(used_lanes(s.channels, block));
  const Vector factor = s.weight ? load_channels(weight, s.channels, block) : broadcast(1);
  const Vector spread = sqrt(load_channels(variance, s.channels, block) + s.eps);
  return {load_channels(mean, s.channels, block), masked(used, factor / spread),
          s.bias ? load_channels(bias, s.channels, block) : Vector{}};
}

}  // namespace striate::STRIATE_TARGET
