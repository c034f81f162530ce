// The step `image_conv`.
#pragma once

#include "engine/activations.hpp"
#include "engine/step.hpp"
#include "image_conv/shape.hpp"
#include "kernels/target.hpp"

namespace striate {

// The arguments that the convolution and its gradient for the filters share.
void parse_geometry(const Attributes& attributes, int lanes, ImageConvGeometry& geometry);
// Floats of a map of so many channels.
int64_t image_map_floats(const ImageConvGeometry& s, int64_t channels, int64_t pixels, int lanes);

struct ImageConvOperation {
  static constexpr const char* kKind = "image_conv";
  using Shape = ImageConvShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static double macs(const Shape& s) { return s.macs(); }
  static const Kernels<Shape>& kernels(const Target& target) { return target.image_conv; }
};

}  // namespace striate
