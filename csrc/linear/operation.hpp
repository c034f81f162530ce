// The step `linear`.
#pragma once

#include "engine/step.hpp"
#include "kernels/target.hpp"
#include "linear/shape.hpp"

namespace striate {

struct LinearOperation {
  static constexpr const char* kKind = "linear";
  using Shape = LinearShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static int64_t unpacked_floats(const Shape& shape);
  static const Kernels<Shape>& kernels(const Target& target) { return target.linear; }
};

}  // namespace striate
