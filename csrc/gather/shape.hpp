// Look-ups along an axis of a plain array x [outer][size][inner], and their gradients.
//
//   mode     what it does                                         index
//   take     y[o,k,i] = x[o, index[k], i]                         (count)
//   each     y[o,k,i] = x[o, index[o,k,i], i]                     like y
//   add      x[o,j,i] = sum of y[o,k,i] over index[k] = j         (count)
//   add_each x[o,j,i] = sum of y[o,k,i] over index[o,k,i] = j     like y
//
// y is [outer][count][inner]. in[0] is what is read (x, or y of the last two), in[1] the index:
// whole numbers as floats, from 0 to size - 1. out[0] is the other array. All are contiguous, at
// any address. Sums are added up in the order of k.
//
// Arguments: mode, outer, size, count, inner. An index outside reads place 0.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

enum class GatherMode : int32_t { take, each, add, add_each, count };

struct GatherShape {
  GatherMode mode = GatherMode::take;
  int64_t outer = 1, size = 1, count = 1, inner = 1;

  bool adds() const { return mode == GatherMode::add || mode == GatherMode::add_each; }
  bool each() const { return mode == GatherMode::each || mode == GatherMode::add_each; }
};

}  // namespace striate
