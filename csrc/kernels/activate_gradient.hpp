// Gradients of activations of runs of numbers. Only for files that are compiled once a target.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// gx[i] = gy[i] * f'(x[i]) for i < count; of some functions x is f's result instead, as
// activation_gradient/shape.hpp tells. gx may be gy or x. At any address.
// (activation_gradient/kernels/slopes.cpp)
void activate_gradient(const ActivationSpec& f, const float* gy, const float* x, float* gx,
                       int64_t count);

}  // namespace striate::STRIATE_TARGET
