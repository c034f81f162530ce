// The step `copy`: permute, slice, concatenate, shuffle, pad.
#pragma once

#include "copy/shape.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace striate {

struct CopyOperation {
  static constexpr const char* kKind = "copy";
  using Shape = CopyShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.copy; }
};

}  // namespace striate
