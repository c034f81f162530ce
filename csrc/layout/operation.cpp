#include "layout/operation.hpp"

#include "engine/maps.hpp"

namespace striate {

LayoutShape LayoutOperation::parse(const Attributes& attributes, int lanes) {
  LayoutShape s;
  s.batch = attributes.integer("batch", 1, kMaxSize);
  s.channels = attributes.integer("channels", 1, kMaxSize);
  s.pixels = attributes.integer("pixels", 1, kMaxSize);
  s.to_blocked = attributes.flag("to_blocked");
  s.images = attributes.flag("images");
  const int64_t channels = checked_product(attributes, {s.channels, s.images ? lanes : 1});
  s.batch_stride = batch_stride(attributes, "batch_stride", channels, s.pixels, lanes);
  checked_product(attributes, {s.batch, s.batch_stride});
  return s;
}

Extents LayoutOperation::extents(const Shape& s, int lanes) {
  const int64_t plain = s.batch * s.channels * s.pixels;
  const int64_t batch = s.images ? round_up(s.batch, lanes) / lanes : s.batch;
  const int64_t channels = s.images ? s.channels * lanes : s.channels;
  const int64_t blocked = map_floats(batch, s.batch_stride, channels, s.pixels, lanes);
  if (s.to_blocked) return {{plain}, {blocked}, {}, 1, 0};
  return {{blocked}, {plain}, {}, 0, 1};
}

}  // namespace striate
