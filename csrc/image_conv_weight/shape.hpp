// The gradient of a convolution with images as lanes for its filters.
//
//   gw[o,c,u,v] = sum over n,i,j of gy[n,o,i,j] * x[n, c, i - p0 + u, j - p1 + v]
//   gb[o] = sum over n,i,j of gy[n,o,i,j]                            where `bias` is set
//
// Sizes, padding and maps are those of image_conv/shape.hpp. in[0] = x, in[1] = gy; out[0] = gw
// (out_channels, in_channels, taps), out[1] = gb: plain, at any address. Unused lanes may hold any
// number.
//
// With `pool` the outputs were pooled: in[1] is the gradient of what was kept, and in[2] has the
// places, as image_conv writes them; gy is 0 but there.
//
// Sums are taken in a fixed order, whatever the number of threads: lane by lane of some rows of a
// block of images, of these one after the other, then of the lanes, then of chunks of the blocks.
#pragma once

#include "image_conv/shape.hpp"

namespace striate {

struct ImageConvWeightShape : ImageConvGeometry {
  bool pool = false;

  // Of a channel of in[1].
  int64_t given_pixels() const { return pool ? out[0] / 2 * (out[1] / 2) : out_pixels(); }
};

}  // namespace striate
