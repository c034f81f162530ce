// The step `batch_norm`: a batch's moments, the norm, and its gradients.
#pragma once

#include "batch_norm/shape.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace striate {

struct BatchNormOperation {
  static constexpr const char* kKind = "batch_norm";
  using Shape = BatchNormShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.batch_norm; }
};

}  // namespace striate
