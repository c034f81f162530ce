// The step `softmax_gradient`.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "softmax_gradient/shape.hpp"

namespace striate {

struct SoftmaxGradientOperation {
  static constexpr const char* kKind = "softmax_gradient";
  using Shape = SoftmaxGradientShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.softmax_gradient; }
};

}  // namespace striate
