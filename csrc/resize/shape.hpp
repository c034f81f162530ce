// Interpolation of blocked maps along up to three axes (depth, height, width): nearest, linear,
// cubic and whatever else is a sum of some pixels along each axis, as are the gradients of these
// and of mirrored borders. Pixels with factor 0 fill a table up.
//
//   y[n,c,i,j,k] = f(sum over u,v,w of factor0[i,u] * factor1[j,v] * factor2[k,w]
//                                    * x[n, c, index0[i,u], index1[j,v], index2[k,w]])
//
// Arguments: batch, channels; in, out, taps: three numbers each (1 tap: nearest, 2: linear, 4:
// cubic; an axis that stays has 1); x_batch_stride, y_batch_stride; activation, alpha, beta.
//
// in[0] = x, out[0] = y, which must not be x. weight[0] = the tables, for each axis its indices
// (whole numbers as floats, from 0 to in - 1) and then its factors, both [out][taps]:
//
//   index0 | factor0 | index1 | factor1 | index2 | factor2
//
// An index outside the map reads some pixel of it.
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace striate {

struct ResizeShape {
  int64_t batch = 1, channels = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, taps[3] = {1, 1, 1};
  int64_t x_batch_stride = 0, y_batch_stride = 0;
  ActivationSpec activation;

  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
};

}  // namespace striate
