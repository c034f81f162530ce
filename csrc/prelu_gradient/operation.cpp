#include "prelu_gradient/operation.hpp"

#include "engine/maps.hpp"

namespace striate {

PReLUGradientShape PReLUGradientOperation::parse(const Attributes& a, int lanes) {
  PReLUGradientShape s;
  s.batch = a.integer("batch", 1, kMaxSize);
  s.channels = a.integer("channels", 1, kMaxSize);
  s.pixels = a.integer("pixels", 1, int64_t{1} << 40);
  s.gy_batch_stride = batch_stride(a, "gy_batch_stride", s.channels, s.pixels, lanes);
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.channels, s.pixels, lanes);
  s.gx_batch_stride = batch_stride(a, "gx_batch_stride", s.channels, s.pixels, lanes);
  for (const int64_t stride : {s.gy_batch_stride, s.x_batch_stride, s.gx_batch_stride}) {
    checked_product(a, {s.batch, stride});
  }
  return s;
}

Extents PReLUGradientOperation::extents(const Shape& s, int lanes) {
  const auto floats = [&](int64_t stride) {
    return map_floats(s.batch, stride, s.channels, s.pixels, lanes);
  };
  return {{floats(s.gy_batch_stride), floats(s.x_batch_stride), round_up(s.channels, lanes)},
          {floats(s.gx_batch_stride), s.channels},
          {},
          0,
          2};
}

}  // namespace striate
