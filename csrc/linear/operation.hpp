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
  static FilterSizes filters(const Shape& shape);
  static double macs(const Shape& s) {
    return static_cast<double>(s.batch) * static_cast<double>(filters(s).floats());
  }
  static const Kernels<Shape>& kernels(const Target& target) { return target.linear; }
};

}  // namespace striate
