// The gradient of a convolution for its filters: the contract of all its kernels.
//
//   gw[o,c,u,v,w] = sum over n,i,j,k of
//       gy[n,o,i,j,k] * x[n, c, i*s0 - p0 + u*d0, j*s1 - p1 + v*d1, k*s2 - p2 + w*d2]
//   gb[o] = sum over n,i,j,k of gy[n,o,i,j,k]                       where `bias` is set
//
// s, p, d are stride, padding before and dilation along the axes (depth, height, width), as in
// csrc/conv/shape.hpp, which also draws blocked maps. c runs over the channels of o's group; x is 0
// outside the map. Of a transposed convolution, x is the gradient of its output and gy its input.
//
// in[0] = x: blocked, or plain (N, C, D, H, W), contiguous, where `plain_input` is set. in[1] = gy,
// blocked. out[0] = gw (out_channels, in_channels / groups, taps), out[1] = gb (out_channels):
// plain, at any address. The unused lanes of x and gy may hold any number.
//
// With `norm` gy is the gradient of a batch norm for its input, which nobody else reads, so that it
// is made as it is used (csrc/batch_norm/shape.hpp): in[1] is what that norm was given as gy, in[2]
// its x, of norm_batch_stride, in[3] its numbers, in[4] what it added to gy, or the places in the
// windows where it was pooled. Its arguments mask (none or own), low, high, added, added_ and
// gy_batch_stride, pooled, window are told again.
//
// Sums are taken in a fixed order, whatever the number of threads: of a band of about 200 places
// in registers, of the bands of a chunk one after the other, then of the chunks.
#pragma once

#include <cstdint>

#include "batch_norm/shape.hpp"
#include "conv/shape.hpp"

namespace striate {

// y_batch_stride is gy's.
struct ConvWeightShape : ConvGeometry {
  bool norm = false;
  BatchNormGiven given;
  int64_t norm_batch_stride = 0;
};

}  // namespace striate
