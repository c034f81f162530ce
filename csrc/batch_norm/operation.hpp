// The step `batch_norm`: a batch's moments, the norm, and its gradients.
#pragma once

#include "batch_norm/shape.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace striate {

struct BatchNormOperation {
  static constexpr const char* kKind = "batch_norm";
  using Shape = BatchNormShape;
  static Shape parse(const Attributes& attributes, int lanes);
  static Extents extents(const Shape& shape, int lanes);
  static const Kernels<Shape>& kernels(const Target& target) { return target.batch_norm; }
};

// What g is made of, of a map whose channels, pixels and, where it was pooled, sizes are told.
void parse_given(const Attributes& attributes, int64_t batch, int lanes, BatchNormGiven& given);
int64_t given_floats(const BatchNormGiven& given, int64_t batch, int lanes);   // of gy
int64_t beside_floats(const BatchNormGiven& given, int64_t batch, int lanes);  // places or `added`
int64_t number_floats(int64_t channels, int lanes);

}  // namespace striate
