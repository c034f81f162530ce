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
// Sums are taken in a fixed order, whatever the number of threads: of a band of about 200 places
// in registers, of the bands of a chunk one after the other, then of the chunks.
#pragma once

#include <cstdint>

#include "conv/shape.hpp"

namespace striate {

// y_batch_stride is gy's.
struct ConvWeightShape : ConvGeometry {};

}  // namespace striate
