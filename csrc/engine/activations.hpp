// Activations as arguments of steps.
#pragma once

#include "engine/attributes.hpp"
#include "kernels/activation.hpp"

namespace striate {

// Arguments `activation` (a name), `alpha`, `beta` of any step that applies one.
ActivationSpec parse_activation(const Attributes& attributes);

}  // namespace striate
