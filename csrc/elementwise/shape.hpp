// Element by element: y = f(x op b), f an activation (kernels/activation.hpp).
//
// x and y are maps (batch, channels, pixels) of one layout: blocked, or contiguous where `plain`;
// any array is a plain map of one channel. b lies beside them as `second` says:
//
//   second         b, blocked                b, plain
//   none           there is none             there is none; op is `none`: activation alone
//   number         the argument `number`     the same
//   same           a map like x              a map like x
//   channel        (blocks, L)               (channels)               one number a channel
//   image_channel  (batch, blocks, L)        (batch, channels)        squeeze-excitation's scale
//   pixel          a map of one channel      (batch, pixels)          spatial attention
//
//   op       none x | add x + b | sub x - b | mul x * b | div x / b | pow x ^ b | max | min
//            prelu x > 0 ? x : b * x | affine x * b + c, c like b | equal, less, less_equal: 1 or 0
//            where x != 0 ? b : c, c like b | masked_fill x != 0 ? `number` : b
//   reverse  b op x, of sub, div, pow, less, less_equal; of masked_fill x != 0 ? b : `number`
//
// in[0] = x, in[1] = b, in[2] = c. out[0] = y, which may be x, b or c itself where it is of the
// same shape. Image n starts at n * x_batch_stride (b_, c_, y_). Unused lanes of y are 0.
//
// Or with `sizes` (1 to 6 axes), `a_strides` and `b_strides`: y of these sizes, contiguous, of
// plain arrays in[0] and in[1] with any strides: 0 repeats an axis. No other arguments but op,
// reverse and activation then.
#pragma once

#include <cstdint>

#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace striate {

enum class ElementwiseOp : int32_t {
  none,
  add,
  sub,
  mul,
  div,
  pow,
  max,
  min,
  prelu,
  affine,
  equal,
  less,
  less_equal,
  where,
  masked_fill,
  // `reverse`
  sub_from,
  div_by,
  pow_of,
  greater,
  greater_equal,
  masked_keep,
  square,  // pow by 2
  count
};

enum class Second : int32_t { none, number, same, channel, image_channel, pixel, count };

constexpr int kMaxAxes = 6;

struct ElementwiseShape {
  int64_t batch = 1, channels = 1, pixels = 1;
  bool plain = false;
  int64_t x_batch_stride = 0, b_batch_stride = 0, c_batch_stride = 0, y_batch_stride = 0;
  ElementwiseOp op = ElementwiseOp::none;
  Second second = Second::none;
  float number = 0;
  ActivationSpec activation;

  bool takes_third() const { return op == ElementwiseOp::affine || op == ElementwiseOp::where; }
  bool masks() const {
    return op == ElementwiseOp::masked_fill || op == ElementwiseOp::masked_keep;
  }

  int axes = 0;  // 0: not the form with strides. Axes that lie in one another are one.
  int64_t sizes[kMaxAxes] = {}, a_strides[kMaxAxes] = {}, b_strides[kMaxAxes] = {};
};

}  // namespace striate
