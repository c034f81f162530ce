// The step `image_conv_weight_gradient`.
#pragma once

#include "engine/step.hpp"
#include "image_conv_weight/shape.hpp"
#include "kernels/target.hpp"

namespace striate {

struct ImageConvWeightOperation {
  static constexpr const char* kKind = "image_conv_weight_gradient";
  using Shape = ImageConvWeightShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static double macs(const Shape& s) { return s.macs(); }
  static const Kernels<Shape>& kernels(const Target& target) { return target.image_conv_weight; }
};

}  // namespace striate
