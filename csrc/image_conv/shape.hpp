// Convolution with images as lanes, for layers of so few channels that blocks of them stay empty.
//
//   y[n,o,i,j] = f(b[o] + sum over c,u,v of weight[o,c,u,v] * x[n, c, i - p0 + u, j - p1 + v])
//
// along height and width, of stride 1 and dilation 1; p is the padding before, x is 0 outside the
// map. With `turned` the weights are (in_channels, out_channels, taps) and read backwards, which
// makes it the gradient of a convolution for its input:
//
//   weight[o,c,u,v]  ->  weight[c, o, k0 - 1 - u, k1 - 1 - v]
//
// A map lies in blocks of L images, the target's lanes: to what treats all lanes alike, a block is
// an image of L times as many channels (conv/shape.hpp).
//
//   x[n][c][i][j]  ->  x[n / L][c][i][j][n % L]
//
// So a thread that takes the same part of each step's tasks meets the same images again, in its own
// cache. The last block's unused lanes may hold any number, and are computed like the others.
// Weights are read as the network has them, without packing.
//
// With `pool` the largest of each 2x2 outputs is kept, before f, where f never falls; a last odd
// row or column is left out. With `places` out[1] tells which of the four it was, as csrc/pool
// does, a byte for each number of y: 0 to 3, row by row, the first of equals, the last NaN.
//
// in[0] = x; in[1] = weight, in[2] = bias: plain, at any address. out[0] = y.
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace striate {

// What the convolution and its gradient for the filters share. Sizes are height and width.
struct ImageConvGeometry {
  int64_t batch = 1, in_channels = 1, out_channels = 1;
  int64_t in[2] = {1, 1}, out[2] = {1, 1}, kernel[2] = {1, 1}, padding[2] = {0, 0};
  bool bias = false;

  int64_t taps() const { return kernel[0] * kernel[1]; }
  int64_t in_pixels() const { return in[0] * in[1]; }
  int64_t out_pixels() const { return out[0] * out[1]; }
  double macs() const {
    return static_cast<double>(batch * out_pixels()) *
           static_cast<double>(out_channels * in_channels * taps());
  }
};

struct ImageConvShape : ImageConvGeometry {
  bool turned = false;
  bool pool = false, places = false;
  ActivationSpec activation;

  // Of y, where it is pooled.
  int64_t pooled(int axis) const { return out[axis] / 2; }
};

}  // namespace striate
