// The step `norm`: layer, group, instance and local response normalisation.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "norm/shape.hpp"

namespace striate {

struct NormOperation {
  static constexpr const char* kKind = "norm";
  using Shape = NormShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.norm; }
};

}  // namespace striate
