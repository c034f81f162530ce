#include "image_conv_weight/operation.hpp"

#include "engine/maps.hpp"
#include "image_conv/operation.hpp"

namespace striate {

ImageConvWeightShape ImageConvWeightOperation::parse(const Attributes& a, int lanes) {
  ImageConvWeightShape s;
  parse_geometry(a, lanes, s);
  s.pool = a.flag("pool");
  if (s.pool && (s.out[0] < 2 || s.out[1] < 2)) a.fail("pool needs 2x2 outputs or more.");
  // Sums lane by lane of a few filters, and up to 16 copies of the gradient.
  checked_product(a, {s.out_channels, s.in_channels, s.kernel[0], s.kernel[1], 16, lanes});
  return s;
}

Extents ImageConvWeightOperation::extents(const Shape& s, int lanes) {
  Extents e;
  e.in = {image_map_floats(s, s.in_channels, s.in_pixels(), lanes),
          image_map_floats(s, s.out_channels, s.given_pixels(), lanes)};
  if (s.pool) e.in.push_back(e.in[1] / 4);  // bytes
  e.out = {s.out_channels * s.in_channels * s.taps()};
  if (s.bias) e.out.push_back(s.out_channels);
  e.plain_out = 3;
  return e;
}

}  // namespace striate
