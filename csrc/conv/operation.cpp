#include "conv/operation.hpp"

#include "engine/maps.hpp"
#include "engine/pack.hpp"

namespace striate {
namespace {

void check_places(const Attributes& a, const ConvShape& s) {
  for (int axis = 0; axis < 3; ++axis) {
    if (s.out_start[axis] + (s.out[axis] - 1) * s.out_step[axis] >= s.out_full[axis]) {
      a.fail("out_start, out_step and out lead out of out_full.");
    }
  }
}

}  // namespace

void parse_geometry(const Attributes& a, int lanes, ConvGeometry& s) {
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
  checked_product(a, {s.out_channels, s.in_channels, s.kernel[0], s.kernel[1], s.kernel[2]});
  for (int axis = 0; axis < 3; ++axis) {
    checked_product(a, {s.kernel[axis], s.dilation[axis]});
    checked_product(a, {s.out[axis], s.stride[axis]});
  }
  s.plain_input = a.flag("plain_input");
  s.bias = a.flag("bias");
  const int64_t in_lanes = s.plain_input ? 1 : lanes;
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.in_channels, s.in_pixels(), in_lanes);
  checked_product(a, {s.batch, s.x_batch_stride});
}

ConvShape ConvOperation::parse(const Attributes& a, int lanes) {
  ConvShape s;
  parse_geometry(a, lanes, s);
  s.pool = a.flag("pool");
  for (int axis = 0; axis < 3; ++axis) s.out_full[axis] = s.made(axis);
  if (s.pool) {
    if (s.out[1] < 2 || s.out[2] < 2) a.fail("pool needs two rows and two columns of outputs.");
    if (a.has("out_full") || a.flag("residual") || a.flag("plain_weight")) {
      a.fail("pool excludes out_full, residual and plain_weight.");
    }
  } else if (a.has("out_full")) {
    a.integers("out_full", s.out_full, 3, 1, kMaxSize);
    a.integers("out_step", s.out_step, 3, 1, kMaxSize);
    a.integers("out_start", s.out_start, 3, 0, kMaxSize);
  }
  checked_product(a, {s.out_full[0], s.out_full[1], s.out_full[2]});
  if (!s.pool) check_places(a, s);
  s.y_batch_stride = batch_stride(a, "y_batch_stride", s.out_channels, s.full_pixels(), lanes);
  s.residual_batch_stride =
      batch_stride(a, "residual_batch_stride", s.out_channels, s.full_pixels(), lanes);
  checked_product(a, {s.batch, s.y_batch_stride});
  checked_product(a, {s.batch, s.residual_batch_stride});
  s.residual = a.flag("residual");
  s.scale = a.flag("scale");
  s.activation = parse_activation(a);
  s.plain_weight = a.flag("plain_weight");
  if (s.plain_weight) {
    const Lying found = lying(a, filters(s));
    s.filters = found.filters;
    s.filters_start = found.start;
    s.filters_floats = found.floats;
  }
  return s;
}

Extents ConvOperation::extents(const Shape& s, int lanes) {
  const int64_t in_lanes = s.plain_input ? 1 : lanes;
  Extents e;
  e.in.push_back(map_floats(s.batch, s.x_batch_stride, s.in_channels, s.in_pixels(), in_lanes));
  e.in.push_back(s.residual ? map_floats(s.batch, s.residual_batch_stride, s.out_channels,
                                         s.full_pixels(), lanes)
                            : 0);
  e.in.push_back(s.scale ? s.batch * round_up(s.in_channels, lanes) : 0);
  if (s.plain_weight) e.in.push_back(s.filters_floats);
  e.out.push_back(map_floats(s.batch, s.y_batch_stride, s.out_channels, s.full_pixels(), lanes));
  e.plain_in = (s.plain_input ? 1 : 0) | 1 << 3;
  e.weight = {0, s.bias ? round_up(s.out_channels, lanes) : 0};
  return e;
}

FilterSizes ConvOperation::filters(const Shape& s) {
  return {s.groups,
          s.out_channels / s.groups,
          s.in_channels / s.groups,
          {s.kernel[0], s.kernel[1], s.kernel[2]}};
}

}  // namespace striate
