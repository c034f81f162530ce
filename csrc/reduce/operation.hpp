// The step `reduce`.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "reduce/shape.hpp"

namespace striate {

struct ReduceOperation {
  static constexpr const char* kKind = "reduce";
  using Shape = ReduceShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.reduce; }
};

}  // namespace striate
