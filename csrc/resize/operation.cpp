#include "resize/operation.hpp"

#include "engine/activations.hpp"
#include "engine/maps.hpp"

namespace striate {

ResizeShape ResizeOperation::parse(const Attributes& a, int lanes) {
  constexpr int64_t kMostPixels = int64_t{1} << 24;  // what a float counts
  constexpr int64_t kMostTaps = 4096;
  ResizeShape s;
  s.batch = a.integer("batch", 1, kMaxSize);
  s.channels = a.integer("channels", 1, kMaxSize);
  a.integers("in", s.in, 3, 1, kMostPixels);
  a.integers("out", s.out, 3, 1, kMostPixels);
  a.integers("taps", s.taps, 3, 1, kMostTaps);
  checked_product(a, {s.in[0], s.in[1], s.in[2]});
  checked_product(a, {s.out[0], s.out[1], s.out[2]});
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.channels, s.in_pixels(), lanes);
  s.y_batch_stride = batch_stride(a, "y_batch_stride", s.channels, s.out_pixels(), lanes);
  checked_product(a, {s.batch, s.x_batch_stride});
  checked_product(a, {s.batch, s.y_batch_stride});
  s.activation = parse_activation(a);
  return s;
}

Extents ResizeOperation::extents(const Shape& s, int lanes) {
  int64_t table = 0;
  for (int axis = 0; axis < 3; ++axis) table += 2 * s.out[axis] * s.taps[axis];
  return {{map_floats(s.batch, s.x_batch_stride, s.channels, s.in_pixels(), lanes)},
          {map_floats(s.batch, s.y_batch_stride, s.channels, s.out_pixels(), lanes)},
          {table}};
}

}  // namespace striate
