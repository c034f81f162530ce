// Activations of runs of numbers: one loop a function.
//
// Two vectors a step where the function is short; exp and its relatives are chains of 20 to 40
// instructions, of which the processor overlaps several vectors by itself.
#include "kernels/activate.hpp"

#include "kernels/math.hpp"

namespace striate::STRIATE_TARGET {
namespace {

template <typename Function>
STRIATE_INLINE void each_vector(const float* x, float* y, int64_t count, Function f) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store_unaligned(y + i, f(load_unaligned(x + i)));
  if (i == count) return;
  alignas(64) float rest[kLanes] = {};
  for (int64_t lane = 0; lane < count - i; ++lane) rest[lane] = x[i + lane];
  store(rest, f(load(rest)));
  for (int64_t lane = 0; lane < count - i; ++lane) y[i + lane] = rest[lane];
}

}  // namespace

void activate(const ActivationSpec& spec, const float* x, float* y, int64_t count) {
  const float alpha = spec.alpha, beta = spec.beta;
  const Vector zero{}, one = broadcast(1);
#define STRIATE_FUNCTION(kind, formula)                                                   \
  case Activation::kind:                                                                  \
    each_vector(x, y, count, [=](Vector v) STRIATE_LAMBDA -> Vector { return formula; }); \
    break
  switch (spec.kind) {
    STRIATE_FUNCTION(clamp, between(alpha, v, beta));
    STRIATE_FUNCTION(leaky_relu, v < 0.0f ? alpha * v : v);
    STRIATE_FUNCTION(elu, v < 0.0f ? alpha * expm1(v) : v);
    STRIATE_FUNCTION(sigmoid, sigmoid(v));
    STRIATE_FUNCTION(hard_sigmoid, between(0, alpha * v + beta, 1));
    STRIATE_FUNCTION(silu, silu(v));
    STRIATE_FUNCTION(hard_swish, v * between(0, alpha * v + beta, 1));
    STRIATE_FUNCTION(tanh, alpha * tanh(beta * v));
    STRIATE_FUNCTION(gelu, gelu(v));
    STRIATE_FUNCTION(gelu_tanh, gelu_tanh(v));
    STRIATE_FUNCTION(softplus, alpha * v > beta ? v : softplus(alpha * v) / alpha);
    STRIATE_FUNCTION(mish, mish(v));
    STRIATE_FUNCTION(exp, exp(v));
    STRIATE_FUNCTION(log, log(v));
    STRIATE_FUNCTION(abs, abs(v));
    STRIATE_FUNCTION(sqrt, sqrt(v));
    STRIATE_FUNCTION(rsqrt, 1.0f / sqrt(v));
    STRIATE_FUNCTION(square, v * v);
    STRIATE_FUNCTION(negative, -v);
    STRIATE_FUNCTION(reciprocal, 1.0f / v);
    STRIATE_FUNCTION(softsign, v / (1.0f + abs(v)));
    STRIATE_FUNCTION(erf, erf(v));
    STRIATE_FUNCTION(selu, beta * (v < 0.0f ? alpha * expm1(v) : v));
    STRIATE_FUNCTION(celu, v < 0.0f ? alpha * expm1(v / alpha) : v);
    STRIATE_FUNCTION(log_sigmoid, log_sigmoid(v));
    STRIATE_FUNCTION(threshold, v <= alpha ? broadcast(beta) : v);
    STRIATE_FUNCTION(sin, each_lane(v, [](float a) STRIATE_LAMBDA { return __builtin_sinf(a); }));
    STRIATE_FUNCTION(cos, each_lane(v, [](float a) STRIATE_LAMBDA { return __builtin_cosf(a); }));
    STRIATE_FUNCTION(sign, v > 0.0f ? one : (v < 0.0f ? -one : v));
    STRIATE_FUNCTION(floor, floor(v));
    STRIATE_FUNCTION(ceil, ceil(v));
    STRIATE_FUNCTION(round, round(v));
    STRIATE_FUNCTION(logical_not, v == 0.0f ? one : zero);
    case Activation::none:
    case Activation::count:
      if (x != y) each_vector(x, y, count, [](Vector v) STRIATE_LAMBDA { return v; });
  }
#undef STRIATE_FUNCTION
}

void activate_vectors(const ActivationSpec& f, float* y, int64_t count, int64_t pitch) {
  if (pitch == kLanes) return activate(f, y, y, count * kLanes);
  constexpr int64_t kMost = 32;
  alignas(64) float run[kMost * kLanes];
  for (; count > 0; count -= kMost, y += kMost * pitch) {
    const int64_t n = least(count, kMost);
    for (int64_t i = 0; i < n; ++i) store(run + i * kLanes, load(y + i * pitch));
    activate(f, run, run, n * kLanes);
    for (int64_t i = 0; i < n; ++i) store(y + i * pitch, load(run + i * kLanes));
  }
}

}  // namespace striate::STRIATE_TARGET
