// The step `cross_entropy`.
#pragma once

#include "cross_entropy/shape.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace striate {

struct CrossEntropyOperation {
  static constexpr const char* kKind = "cross_entropy";
  using Shape = CrossEntropyShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.cross_entropy; }
};

}  // namespace striate
