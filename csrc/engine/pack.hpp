// A step that packs a weight for the step behind it: while training, weights change between calls.
//
// Its arguments are those of the step it packs for, and `packs` (its kind) and `packs_for` (its
// kernel). in[0] = the weight, plain, at any address; out[0] = what that step reads as weight[0].
#pragma once

#include "engine/step.hpp"

namespace striate {

StepKind pack_step_kind();

}  // namespace striate
