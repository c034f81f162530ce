// The step `norm_gradient`: gradients of layer, group and instance normalisation.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "norm_gradient/shape.hpp"

namespace striate {

struct NormGradientOperation {
  static constexpr const char* kKind = "norm_gradient";
  using Shape = NormGradientShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.norm_gradient; }
};

}  // namespace striate
