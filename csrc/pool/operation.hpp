// The step `pool`: largest and mean values of windows, adaptive ones and whole maps.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "pool/shape.hpp"

namespace striate {

struct PoolOperation {
  static constexpr const char* kKind = "pool";
  using Shape = PoolShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static int64_t places_floats(const Shape& shape, int lanes);  // that hold `places`
  static const Kernels<Shape>& kernels(const Target& target) { return target.pool; }
};

}  // namespace striate
