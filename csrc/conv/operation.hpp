// The step `conv`: every convolution, transposed ones as one convolution a remainder of the stride.
#pragma once

#include "conv/shape.hpp"
#include "engine/activations.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace striate {

// The arguments that a convolution and its gradient for the filters share, but for y_batch_stride.
void parse_geometry(const Attributes& attributes, int lanes, ConvGeometry& geometry);

struct ConvOperation {
  static constexpr const char* kKind = "conv";
  using Shape = ConvShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static FilterSizes filters(const Shape& shape);
  static double macs(const Shape& s) {
    return static_cast<double>(s.batch * s.out_pixels()) * static_cast<double>(filters(s).floats());
  }
  static const Kernels<Shape>& kernels(const Target& target) { return target.conv; }
};

}  // namespace striate
