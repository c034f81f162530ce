// Panels: how the weights of dense products are packed, K in the order in which inputs are read.
//
//   panel 0:  | k0: v0 v1 | k1: v0 v1 | ...     a cell is a vector of L output channels
//   panel 1:  | k0: v2 v3 | ...
//   last:     | k0: v4 v5 v6 | ...              so that no panel of one vector leaves sums idle
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

STRIATE_INLINE int64_t panels_of(int64_t vectors) {
  return most(1, vectors / 2);
}

// Vectors of panel i.
STRIATE_INLINE int64_t panel_vectors(int64_t vectors, int64_t i) {
  return i + 1 < panels_of(vectors) ? 2 : vectors - 2 * i;
}

}  // namespace striate::STRIATE_TARGET
