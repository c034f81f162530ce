// Multiply-adds that stay in their registers. Only for files that are compiled once a target.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// sum += x * y, in the register that `sum` has, in program order. Left alone, GCC 12 moves and
// spills the sums of long unrolled steps: 2x6 with an address a pixel 88 GFLOP/s in cache, with
// this 97.
STRIATE_INLINE void multiply_add(Vector& sum, Vector x, Vector y) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  asm volatile("vfmadd231ps %1, %2, %0" : "+v"(sum) : "v"(x), "v"(y));
#elif defined(__FMA__) && STRIATE_LANES == 8
  asm volatile("vfmadd231ps %1, %2, %0" : "+x"(sum) : "x"(x), "x"(y));
#else
  sum += x * y;
#endif
}

}  // namespace striate::STRIATE_TARGET
