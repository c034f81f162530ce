#include "activation_gradient/operation.hpp"

#include "engine/activations.hpp"
#include "engine/maps.hpp"

namespace striate {
namespace {

bool has_slope(Activation kind) {
  switch (kind) {
    case Activation::none:
    case Activation::negative:  // -gy, an activation itself
    case Activation::sign:
    case Activation::floor:
    case Activation::ceil:
    case Activation::round:
    case Activation::logical_not:
    case Activation::count:
      return false;
    default:
      return true;
  }
}

}  // namespace

ActivationGradientShape ActivationGradientOperation::parse(const Attributes& a, int lanes) {
  ActivationGradientShape s;
  s.batch = a.integer("batch", 1, kMaxSize, 1);
  s.channels = a.integer("channels", 1, kMaxSize, 1);
  s.pixels = a.integer("pixels", 1, int64_t{1} << 40);
  s.plain = a.flag("plain");
  s.added = a.flag("added");
  const int64_t unit = s.plain ? 1 : lanes;
  s.gy_batch_stride = batch_stride(a, "gy_batch_stride", s.channels, s.pixels, unit);
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.channels, s.pixels, unit);
  s.gx_batch_stride = batch_stride(a, "gx_batch_stride", s.channels, s.pixels, unit);
  s.added_batch_stride = batch_stride(a, "added_batch_stride", s.channels, s.pixels, unit);
  for (const int64_t stride :
       {s.gy_batch_stride, s.x_batch_stride, s.gx_batch_stride, s.added_batch_stride}) {
    checked_product(a, {s.batch, stride});
  }
  s.activation = parse_activation(a);
  if (!has_slope(s.activation.kind)) a.fail("activation must be one that has a slope.");
  return s;
}

Extents ActivationGradientOperation::extents(const Shape& s, int lanes) {
  const int64_t unit = s.plain ? 1 : lanes;
  const auto floats = [&](int64_t stride) {
    return map_floats(s.batch, stride, s.channels, s.pixels, unit);
  };
  Extents e{{floats(s.gy_batch_stride), floats(s.x_batch_stride)}, {floats(s.gx_batch_stride)}, {}};
  e.in.push_back(s.added ? floats(s.added_batch_stride) : 0);
  if (s.plain) e.plain_in = 7, e.plain_out = 1;
  return e;
}

}  // namespace striate
