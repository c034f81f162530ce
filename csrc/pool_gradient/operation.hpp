// The step `pool_gradient`.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "pool_gradient/shape.hpp"

namespace striate {

struct PoolGradientOperation {
  static constexpr const char* kKind = "pool_gradient";
  using Shape = PoolGradientShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.pool_gradient; }
};

}  // namespace striate
