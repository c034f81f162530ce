// The gradient of a pooling for its input: the contract of its kernels.
//
//   max  gx[n,c,j] = sum of gy[n,c,i] over the windows i whose largest number is x[n,c,j]: the
//                    first of equals, by the order of the pixels, and the last NaN
//   avg  gx[n,c,j] = sum of gy[n,c,i] / count(i) over the windows i that read j
//
// Arguments are those of the pooling (pool/shape.hpp), with its sizes and counts, and the strides
// of the gradients' images; there is no activation. The sum runs over i in order.
//
// Maps are blocked (conv/shape.hpp); unused lanes hold and get finite numbers. in[0] = gy, out[0] =
// gx; of a maximum in[1] = the `places` that the pooling wrote, or, without them, its x.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"
#include "pool/shape.hpp"

namespace striate {

struct PoolGradientShape {
  PoolShape pool;
  int64_t gy_batch_stride = 0, gx_batch_stride = 0;  // in floats
};

}  // namespace striate
