// Activations of vectors. Only for files that are compiled once a target.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// f(x), lane by lane.
STRIATE_INLINE Vector activated(const ActivationSpec& f, Vector x) {
  switch (f.kind) {
    case Activation::clamp:
      return min(max(x, broadcast(f.alpha)), broadcast(f.beta));
    default:
      return x;
  }
}

}  // namespace striate::STRIATE_TARGET
