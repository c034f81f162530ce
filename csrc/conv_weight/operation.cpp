#include "conv_weight/operation.hpp"

#include "engine/maps.hpp"

namespace striate {

ConvWeightShape ConvWeightOperation::parse(const Attributes& a, int lanes) {
  ConvWeightShape s;
  s.batch = a.integer("batch", 1, kMaxSize);
  s.in_channels = a.integer("in_channels", 1, kMaxSize);
  s.out_channels = a.integer("out_channels", 1, kMaxSize);
  s.groups = a.integer("groups", 1, kMaxSize, 1);
  if (s.in_channels % s.groups || s.out_channels % s.groups) {
    a.fail("groups must divide in_channels and out_channels.");
  }
  a.integers("in", s.in, 3, 1, kMaxSize);
  a.integers("out", s.out, 3, 1, kMaxSize);
  a.integers("kernel", s.kernel, 3, 1, kMaxSize);
  a.integers("stride", s.stride, 3, 1, kMaxSize);
  a.integers("dilation", s.dilation, 3, 1, kMaxSize);
  a.integers("padding", s.padding, 3, -kMaxSize, kMaxSize);
  checked_product(a, {s.in[0], s.in[1], s.in[2]});
  checked_product(a, {s.out[0], s.out[1], s.out[2]});
  // Partial sums: up to 32 copies of the gradient, each channel filled up to whole blocks.
  checked_product(a, {round_up(s.out_channels, lanes), round_up(s.in_channels, lanes), s.kernel[0],
                      s.kernel[1], s.kernel[2], 32});
  for (int axis = 0; axis < 3; ++axis) {
    checked_product(a, {s.kernel[axis], s.dilation[axis]});
    checked_product(a, {s.out[axis], s.stride[axis]});
  }
  s.plain_input = a.flag("plain_input");
  const int64_t in_lanes = s.plain_input ? 1 : lanes;
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.in_channels, s.in_pixels(), in_lanes);
  s.y_batch_stride = batch_stride(a, "y_batch_stride", s.out_channels, s.out_pixels(), lanes);
  checked_product(a, {s.batch, s.x_batch_stride});
  checked_product(a, {s.batch, s.y_batch_stride});
  s.bias = a.flag("bias");
  return s;
}

Extents ConvWeightOperation::extents(const Shape& s, int lanes) {
  const int64_t in_lanes = s.plain_input ? 1 : lanes;
  Extents e;
  e.in = {map_floats(s.batch, s.x_batch_stride, s.in_channels, s.in_pixels(), in_lanes),
          map_floats(s.batch, s.y_batch_stride, s.out_channels, s.out_pixels(), lanes)};
  e.out = {s.out_channels * (s.in_channels / s.groups) * s.taps()};
  if (s.bias) e.out.push_back(s.out_channels);
  e.plain_in = s.plain_input ? 1 : 0;
  e.plain_out = 3;
  return e;
}

}  // namespace striate
