// The step `prelu_gradient`.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "prelu_gradient/shape.hpp"

namespace striate {

struct PReLUGradientOperation {
  static constexpr const char* kKind = "prelu_gradient";
  using Shape = PReLUGradientShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static int64_t unpacked_floats(const Shape&) { return 0; }
  static const Kernels<Shape>& kernels(const Target& target) { return target.prelu_gradient; }
};

}  // namespace striate
