// The step `elementwise`: arithmetic of two maps or arrays, and activations alone.
#pragma once

#include "elementwise/shape.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace striate {

struct ElementwiseOperation {
  static constexpr const char* kKind = "elementwise";
  using Shape = ElementwiseShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.elementwise; }
};

}  // namespace striate
