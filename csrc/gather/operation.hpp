// The step `gather`.
#pragma once

#include "engine/step.hpp"
#include "gather/shape.hpp"
#include "kernels/target.hpp"

namespace striate {

struct GatherOperation {
  static constexpr const char* kKind = "gather";
  using Shape = GatherShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static int64_t unpacked_floats(const Shape&) { return 0; }
  static const Kernels<Shape>& kernels(const Target& target) { return target.gather; }
};

}  // namespace striate
