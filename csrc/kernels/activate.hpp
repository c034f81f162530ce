// Activations of vectors and of runs of numbers. Only for files that are compiled once a target.
//
// A kernel stores what it has computed and calls `activate` on it while it is in L1: the switch is
// then outside of the loop, and stands in the program once a target.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// y[i] = f(x[i]) for i < count; y may be x. At any address. (elementwise/kernels/activate.cpp)
void activate(const ActivationSpec& f, const float* x, float* y, int64_t count);

// y = f(y) for `count` aligned vectors, `pitch` floats apart. (elementwise/kernels/activate.cpp)
void activate_vectors(const ActivationSpec& f, float* y, int64_t count, int64_t pitch);

// f(x), lane by lane. A clamp is two instructions; other functions cost a call, whose start and
// whose way through memory take longer than the function (28 ns for 5 of silu on AVX2): what has
// more than a few vectors stores them and calls `activate` once.
STRIATE_INLINE Vector activated(const ActivationSpec& f, Vector x) {
  if (f.kind == Activation::none) return x;
  if (f.kind == Activation::clamp) {  // lets NaN through
    return min(broadcast(f.beta), max(broadcast(f.alpha), x));
  }
  alignas(64) float y[kLanes];
  store(y, x);
  activate(f, y, y, kLanes);
  return load(y);
}

}  // namespace striate::STRIATE_TARGET
