// The step `activation_gradient`.
#pragma once

#include "activation_gradient/shape.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace striate {

struct ActivationGradientOperation {
  static constexpr const char* kKind = "activation_gradient";
  using Shape = ActivationGradientShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.activation_gradient; }
};

}  // namespace striate
