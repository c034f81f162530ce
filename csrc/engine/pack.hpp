// A step that packs a weight for the step behind it: while training, weights change between calls.
//
// Its arguments are those of the step it packs for, and `packs` (its kind) and `packs_for` (its
// kernel). in[0] = the weight, plain, at any address; out[0] = what that step reads as weight[0].
#pragma once

#include "engine/step.hpp"

namespace striate {

// Where plain weights lie: one behind the other, or `filters_start` floats behind their first one,
// the axes' distances being `filters` (group, output, channel, taps along depth, height, width).
struct Lying {
  Filters filters;  // `first` is not set
  int64_t start = 0, floats = 0;
};

Lying lying(const Attributes& attributes, const FilterSizes& sizes);

StepKind pack_step_kind();

}  // namespace striate
