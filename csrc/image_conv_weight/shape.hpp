// The gradient of a convolution with images as lanes for its filters.
//
//   gw[o,c,u,v] = sum over n,i,j of gy[n,o,i,j] * x[n, c, i - p0 + u, j - p1 + v]
//   gb[o] = sum over n,i,j of gy[n,o,i,j]                            where `bias` is set
//
// Sizes, padding and maps are those of image_conv/shape.hpp. in[0] = x, in[1] = gy; out[0] = gw
// (out_channels, in_channels, taps), out[1] = gb: plain, at any address. Unused lanes may hold any
// number.
//
// Sums are taken in a fixed order, whatever the number of threads: lane by lane of some rows of a
// block of images, of these one after the other, then of the lanes, then of chunks of the blocks.
#pragma once

#include "image_conv/shape.hpp"

namespace striate {

struct ImageConvWeightShape : ImageConvGeometry {};

}  // namespace striate
