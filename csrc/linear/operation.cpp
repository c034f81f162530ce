#include "linear/operation.hpp"

#include "conv/operation.hpp"
#include "engine/maps.hpp"

namespace striate {

LinearShape LinearOperation::parse(const Attributes& a, int lanes) {
  LinearShape s;
  s.batch = a.integer("batch", 1, kMaxSize);
  s.in_features = a.integer("in_features", 1, kMaxSize);
  s.out_features = a.integer("out_features", 1, kMaxSize);
  s.row = s.in_features;
  if (a.has("channels")) {
    s.channels = a.integer("channels", 1, kMaxSize);
    s.pixels = a.integer("pixels", 1, kMaxSize);
    if (checked_product(a, {s.channels, s.pixels}) != s.in_features) {
      a.fail("in_features must be channels times pixels.");
    }
    s.row = checked_product(a, {round_up(s.channels, lanes), s.pixels});
  }
  s.out_row = a.flag("blocked_output") ? round_up(s.out_features, lanes) : s.out_features;
  checked_product(a, {s.batch, s.row});
  checked_product(a, {s.batch, s.out_row});
  checked_product(a, {s.row, round_up(s.out_features, lanes)});
  s.bias = a.flag("bias");
  s.activation = parse_activation(a);
  return s;
}

Extents LinearOperation::extents(const Shape& s, int lanes) {
  return {{s.batch * s.row},
          {s.batch * s.out_row},
          {0, s.bias ? round_up(s.out_features, lanes) : 0},
          s.channels == 0 ? 1u : 0u,
          1};
}

FilterSizes LinearOperation::filters(const Shape& s) {
  return {1, s.out_features, s.in_features, {1, 1, 1}};
}

}  // namespace striate
