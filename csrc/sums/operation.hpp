// The step `sums`.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "sums/shape.hpp"

namespace striate {

struct SumsOperation {
  static constexpr const char* kKind = "sums";
  using Shape = SumsShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.sums; }
};

}  // namespace striate
