// The step `matmul`.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "matmul/shape.hpp"

namespace striate {

struct MatMulOperation {
  static constexpr const char* kKind = "matmul";
  using Shape = MatMulShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.matmul; }
};

}  // namespace striate
