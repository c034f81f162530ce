// Sizes of blocked maps, for the operations' checks.
#pragma once

#include <cstdint>

#include "engine/attributes.hpp"

namespace striate {

inline int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// Floats from the first of image 0 to behind the last of image batch - 1.
inline int64_t map_floats(int64_t batch, int64_t stride, int64_t channels, int64_t pixels,
                          int64_t lanes) {
  return (batch - 1) * stride + round_up(channels, lanes) * pixels;
}

// The argument `name`: the distance of two images of a map in floats; at first the map's own size.
inline int64_t batch_stride(const Attributes& attributes, const std::string& name, int64_t channels,
                            int64_t pixels, int64_t lanes) {
  const int64_t own = checked_product(attributes, {round_up(channels, lanes), pixels});
  const int64_t given = attributes.integer(name, 0, int64_t{1} << 48, own);
  if (given < own) attributes.fail(name + " is less than the map's own size.");
  if (given % lanes != 0) attributes.fail(name + " must be whole blocks, to keep them aligned.");
  return given;
}

}  // namespace striate
