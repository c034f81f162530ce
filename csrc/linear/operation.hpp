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
  static double macs(const Shape& s) {
    return static_cast<double>(s.batch) * static_cast<double>(unpacked_floats(s));
  }
  static const Kernels<Shape>& kernels(const Target& target) { return target.linear; }
};

}  // namespace striate
