// The step `conv`: every convolution, transposed ones as one convolution a remainder of the stride.
#pragma once

#include "conv/shape.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace striate {

// Arguments `activation` (a name), `alpha`, `beta` of any step that applies one.
ActivationSpec parse_activation(const Attributes& attributes);

struct ConvOperation {
  static constexpr const char* kKind = "conv";
  using Shape = ConvShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static int64_t unpacked_floats(const Shape& shape);
  static const Kernels<Shape>& kernels(const Target& target) { return target.conv; }
};

}  // namespace striate
