// The step `conv_weight_gradient`.
#pragma once

#include "conv_weight/shape.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace striate {

struct ConvWeightOperation {
  static constexpr const char* kKind = "conv_weight_gradient";
  using Shape = ConvWeightShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static double macs(const Shape& s) {
    return static_cast<double>(s.batch * s.out_pixels()) *
           static_cast<double>(s.out_channels * (s.in_channels / s.groups) * s.taps());
  }
  static const Kernels<Shape>& kernels(const Target& target) { return target.conv_weight; }
};

}  // namespace striate
