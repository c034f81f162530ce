#include "conv_weight/operation.hpp"

#include <algorithm>

#include "batch_norm/operation.hpp"
#include "conv/operation.hpp"
#include "engine/maps.hpp"

namespace striate {

ConvWeightShape ConvWeightOperation::parse(const Attributes& a, int lanes) {
  ConvWeightShape s;
  parse_geometry(a, lanes, s);
  // Partial sums: up to 32 copies of the gradient, each channel filled up to whole blocks.
  checked_product(a, {round_up(s.out_channels, lanes), round_up(s.in_channels, lanes), s.kernel[0],
                      s.kernel[1], s.kernel[2], 32});
  s.y_batch_stride = batch_stride(a, "y_batch_stride", s.out_channels, s.out_pixels(), lanes);
  checked_product(a, {s.batch, s.y_batch_stride});
  s.norm = a.flag("norm");
  if (!s.norm) return s;
  s.given.channels = s.out_channels;
  s.given.pixels = s.out_pixels();
  std::copy(s.out, s.out + 3, s.given.in);
  parse_given(a, s.batch, lanes, s.given);
  if (s.given.mask == BatchNormMask::output) a.fail("norm takes no mask of the output.");
  s.norm_batch_stride = batch_stride(a, "norm_batch_stride", s.out_channels, s.out_pixels(), lanes);
  checked_product(a, {s.batch, s.norm_batch_stride});
  return s;
}

Extents ConvWeightOperation::extents(const Shape& s, int lanes) {
  const int64_t in_lanes = s.plain_input ? 1 : lanes;
  Extents e;
  e.in = {map_floats(s.batch, s.x_batch_stride, s.in_channels, s.in_pixels(), in_lanes),
          map_floats(s.batch, s.y_batch_stride, s.out_channels, s.out_pixels(), lanes)};
  if (s.norm) {
    e.in[1] = given_floats(s.given, s.batch, lanes);
    e.in.push_back(map_floats(s.batch, s.norm_batch_stride, s.out_channels, s.out_pixels(), lanes));
    e.in.push_back(number_floats(s.out_channels, lanes));
    e.in.push_back(beside_floats(s.given, s.batch, lanes));
  }
  e.out = {s.out_channels * (s.in_channels / s.groups) * s.taps()};
  if (s.bias) e.out.push_back(s.out_channels);
  e.plain_in = s.plain_input ? 1 : 0;
  e.plain_out = 3;
  return e;
}

}  // namespace striate
