#include "pool_gradient/operation.hpp"

#include "engine/maps.hpp"
#include "pool/operation.hpp"

namespace striate {

PoolGradientShape PoolGradientOperation::parse(const Attributes& a, int lanes) {
  PoolGradientShape s;
  s.pool = PoolOperation::parse(a, lanes);
  if (s.pool.activation.kind != Activation::none || s.pool.norm) {
    a.fail("an activation, or a norm, has a gradient of its own.");
  }
  const int64_t channels = s.pool.channels;
  s.gy_batch_stride = batch_stride(a, "gy_batch_stride", channels, s.pool.out_pixels(), lanes);
  s.gx_batch_stride = batch_stride(a, "gx_batch_stride", channels, s.pool.in_pixels(), lanes);
  checked_product(a, {s.pool.batch, s.gy_batch_stride});
  checked_product(a, {s.pool.batch, s.gx_batch_stride});
  return s;
}

Extents PoolGradientOperation::extents(const Shape& s, int lanes) {
  const PoolShape& p = s.pool;
  const auto floats = [&](int64_t stride, int64_t pixels) {
    return map_floats(p.batch, stride, p.channels, pixels, lanes);
  };
  Extents e{
      {floats(s.gy_batch_stride, p.out_pixels())}, {floats(s.gx_batch_stride, p.in_pixels())}, {}};
  if (p.places) {
    e.in.push_back(PoolOperation::places_floats(p, lanes));
  } else if (!p.average) {
    e.in.push_back(floats(p.x_batch_stride, p.in_pixels()));
  }
  return e;
}

}  // namespace striate
