#include "pool/operation.hpp"

#include "conv/operation.hpp"
#include "engine/maps.hpp"

namespace striate {
namespace {

void parse_windows(const Attributes& a, PoolShape& s) {
  a.integers("kernel", s.kernel, 3, 1, kMaxSize);
  a.integers("stride", s.stride, 3, 1, kMaxSize);
  a.integers("dilation", s.dilation, 3, 1, kMaxSize);
  a.integers("padding", s.padding, 3, -kMaxSize, kMaxSize);
  for (int axis = 0; axis < 3; ++axis) s.padding_after[axis] = s.padding[axis];
  if (a.has("padding_after")) {
    a.integers("padding_after", s.padding_after, 3, -kMaxSize, kMaxSize);
  }
  for (int axis = 0; axis < 3; ++axis) {
    checked_product(a, {s.kernel[axis], s.dilation[axis]});
    checked_product(a, {s.out[axis], s.stride[axis]});
  }
  checked_product(a, {s.kernel[0], s.kernel[1], s.kernel[2]});
}

}  // namespace

PoolShape PoolOperation::parse(const Attributes& a, int lanes) {
  PoolShape s;
  s.batch = a.integer("batch", 1, kMaxSize);
  s.channels = a.integer("channels", 1, kMaxSize);
  a.integers("in", s.in, 3, 1, kMaxSize);
  a.integers("out", s.out, 3, 1, kMaxSize);
  checked_product(a, {s.in[0], s.in[1], s.in[2]});
  checked_product(a, {s.out[0], s.out[1], s.out[2]});
  const std::string mode = a.word("mode", "max");
  if (mode != "max" && mode != "avg") a.fail("mode must be max or avg.");
  s.average = mode == "avg";
  s.adaptive = a.flag("adaptive");
  if (s.adaptive) {
    for (int axis = 0; axis < 3; ++axis) checked_product(a, {s.in[axis] + 1, s.out[axis] + 1});
  } else {
    parse_windows(a, s);
    s.count_include_pad = a.flag("count_include_pad");
    s.divisor = a.integer("divisor", 0, kMaxSize, 0);
  }
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.channels, s.in_pixels(), lanes);
  s.y_batch_stride = batch_stride(a, "y_batch_stride", s.channels, s.out_pixels(), lanes);
  checked_product(a, {s.batch, s.x_batch_stride});
  checked_product(a, {s.batch, s.y_batch_stride});
  s.activation = parse_activation(a);
  s.places = a.flag("places");
  if (s.places && (s.average || s.adaptive || s.window() > kMaxPlaces)) {
    a.fail("places are of a maximum of windows of up to 255 pixels.");
  }
  s.norm = a.flag("norm");
  if (s.norm && !s.places) a.fail("a norm goes with places.");
  s.eps = static_cast<float>(a.real("eps", 1e-5));
  s.weight = a.flag("weight");
  s.bias = a.flag("bias");
  return s;
}

int64_t PoolOperation::places_floats(const Shape& s, int lanes) {
  return s.batch * round_up(s.channels, lanes) * s.out_pixels() / 4;
}

Extents PoolOperation::extents(const Shape& s, int lanes) {
  Extents e{{map_floats(s.batch, s.x_batch_stride, s.channels, s.in_pixels(), lanes)},
            {map_floats(s.batch, s.y_batch_stride, s.channels, s.out_pixels(), lanes)},
            {}};
  if (s.places) e.out.push_back(places_floats(s, lanes));
  if (s.norm) {
    const int64_t c = s.channels;
    e.in.insert(e.in.end(), {c, c, s.weight ? c : 0, s.bias ? c : 0});
    e.plain_in = 0b11110;
  }
  return e;
}

}  // namespace striate
