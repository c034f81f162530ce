#include "sums/operation.hpp"

#include "engine/maps.hpp"

namespace striate {

SumsShape SumsOperation::parse(const Attributes& a, int lanes) {
  SumsShape s;
  s.batch = a.integer("batch", 1, kMaxSize);
  s.channels = a.integer("channels", 1, kMaxSize);
  s.pixels = a.integer("pixels", 1, int64_t{1} << 40);
  const std::string over = a.word("over", "places");
  if (over != "places" && over != "images") a.fail("over must be places or images.");
  s.images = over == "images";
  s.product = a.flag("product");
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.channels, s.pixels, lanes);
  s.b_batch_stride = batch_stride(a, "b_batch_stride", s.channels, s.pixels, lanes);
  checked_product(a, {s.batch, s.x_batch_stride});
  checked_product(a, {s.batch, s.b_batch_stride});
  return s;
}

Extents SumsOperation::extents(const Shape& s, int lanes) {
  Extents e{{map_floats(s.batch, s.x_batch_stride, s.channels, s.pixels, lanes)}, {}, {}};
  e.in.push_back(s.product ? map_floats(s.batch, s.b_batch_stride, s.channels, s.pixels, lanes)
                           : 0);
  e.out.push_back(s.images ? s.channels : s.batch * round_up(s.channels, lanes));
  if (s.images) e.plain_out = 1;
  return e;
}

}  // namespace striate
