// The loop of all elementwise kernels: a run of numbers and what stands beside it.
#pragma once

#include "elementwise/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

enum class Source {
  run,     // b[i]: a run of its own
  block,   // b[i % L]: one block of channels
  number,  // b[0]
  cells,   // b[i / L * L]: the first lane of each pixel
};

// y[i] = f(x[i] op b) for i < count; c comes as b does, but is one number where op masks. y may be
// x, b or c. For `block` and `cells` count is a multiple of L.
void combine(ElementwiseOp op, Source source, const float* x, const float* b, const float* c,
             const ActivationSpec& f, float* y, int64_t count);

}  // namespace striate::STRIATE_TARGET
