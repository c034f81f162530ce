// The step `resize`.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "resize/shape.hpp"

namespace striate {

struct ResizeOperation {
  static constexpr const char* kKind = "resize";
  using Shape = ResizeShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.resize; }
};

}  // namespace striate
