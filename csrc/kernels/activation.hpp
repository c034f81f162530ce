// Activations that kernels apply to what they have just computed.
#pragma once

#include <cstdint>

namespace striate {

// The names are those of striate.graph's activations.
enum class Activation : int32_t {
  none,
  clamp,       // min(max(x, alpha), beta): relu is clamp(0, inf), relu6 clamp(0, 6)
  leaky_relu,  // x < 0 ? alpha * x : x
  elu,         // x < 0 ? alpha * (exp(x) - 1) : x
  sigmoid,
  hard_sigmoid,  // min(max(alpha * x + beta, 0), 1)
  silu,          // x * sigmoid(x)
  hard_swish,    // x * min(max(alpha * x + beta, 0), 1)
  tanh,          // alpha * tanh(beta * x): LeCun's is 1.7159 tanh(2/3 x)
  gelu,          // x * (1 + erf(x / sqrt 2)) / 2
  gelu_tanh,
  softplus,  // log(1 + exp(alpha * x)) / alpha, x where alpha * x > beta
  mish,      // x * tanh(softplus(x))
  exp,
  log,
  abs,
  sqrt,
  rsqrt,
  square,
  negative,
  reciprocal,
  softsign,
  erf,
  selu,  // beta * x for x > 0, else beta * alpha * (exp(x) - 1); 0 takes the usual numbers
  celu,  // x < 0 ? alpha * (exp(x / alpha) - 1) : x
  log_sigmoid,
  threshold,  // x <= alpha ? beta : x
  sin,
  cos,
  sign,
  floor,
  ceil,
  round,        // to the nearest whole number, of two to the even one
  logical_not,  // x == 0 ? 1 : 0
  count
};

struct ActivationSpec {
  Activation kind = Activation::none;
  float alpha = 0, beta = 0;
};

}  // namespace striate
