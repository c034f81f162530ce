// The steps `block` and `unblock`.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "layout/shape.hpp"

namespace striate {

struct LayoutOperation {
  static constexpr const char* kKind = "layout";
  using Shape = LayoutShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.layout; }
};

}  // namespace striate
