// Between plain maps (N, C, pixels), contiguous, and blocked ones: channels in blocks of L lanes.
//
//   plain [n][c][p]  <->  blocked [n][c / L][p][c % L], unused lanes of the last block 0
//
// With `images` the blocks are of images (image_conv/shape.hpp):
//
//   plain [n][c][p]  <->  blocked [n / L][c][p][n % L]
//
// in[0] is read, out[0] written; image n of the blocked map starts at n * batch_stride, or block n.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

struct LayoutShape {
  int64_t batch = 1, channels = 1, pixels = 1;
  int64_t batch_stride = 0;  // of the blocked map, in floats
  bool to_blocked = true, images = false;
};

}  // namespace striate
