#include "image_conv/operation.hpp"

#include "engine/maps.hpp"

namespace striate {

void parse_geometry(const Attributes& a, int lanes, ImageConvGeometry& s) {
  s.batch = a.integer("batch", 1, kMaxSize);
  s.in_channels = a.integer("in_channels", 1, kMaxSize);
  s.out_channels = a.integer("out_channels", 1, kMaxSize);
  a.integers("in", s.in, 2, 1, kMaxSize);
  a.integers("out", s.out, 2, 1, kMaxSize);
  a.integers("kernel", s.kernel, 2, 1, kMaxSize);
  a.integers("padding", s.padding, 2, -kMaxSize, kMaxSize);
  s.bias = a.flag("bias");
  checked_product(a, {round_up(s.batch, lanes), s.in_channels, s.in[0], s.in[1]});
  checked_product(a, {round_up(s.batch, lanes), s.out_channels, s.out[0], s.out[1]});
  checked_product(a, {s.out_channels, s.in_channels, s.kernel[0], s.kernel[1]});
}

int64_t image_map_floats(const ImageConvGeometry& s, int64_t channels, int64_t pixels, int lanes) {
  return channels * round_up(s.batch, lanes) * pixels;
}

ImageConvShape ImageConvOperation::parse(const Attributes& a, int lanes) {
  ImageConvShape s;
  parse_geometry(a, lanes, s);
  s.turned = a.flag("turned");
  s.activation = parse_activation(a);
  s.pool = a.flag("pool");
  s.places = a.flag("places");
  if (s.pool && (s.out[0] < 2 || s.out[1] < 2)) a.fail("pool needs 2x2 outputs or more.");
  if (s.places && !s.pool) a.fail("places are those that pool keeps.");
  return s;
}

Extents ImageConvOperation::extents(const Shape& s, int lanes) {
  Extents e;
  e.in = {image_map_floats(s, s.in_channels, s.in_pixels(), lanes),
          s.out_channels * s.in_channels * s.taps(), s.bias ? s.out_channels : 0};
  const int64_t pixels = s.pool ? s.pooled(0) * s.pooled(1) : s.out_pixels();
  e.out = {image_map_floats(s, s.out_channels, pixels, lanes)};
  if (s.places) e.out.push_back(e.out[0] / 4);  // bytes
  e.plain_in = 6;
  return e;
}

}  // namespace striate
