// Slopes of activations times what comes from behind: one loop a function.
#include "kernels/activate_gradient.hpp"
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"

namespace striate::STRIATE_TARGET {
namespace {

template <typename Function>
STRIATE_INLINE void each_pair(const float* gy, const float* x, float* gx, int64_t count,
                              Function f) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store_unaligned(gx + i, f(load_unaligned(gy + i), load_unaligned(x + i)));
  }
  if (i == count) return;
  store_first(gx + i, f(load_first(gy + i, count - i), load_first(x + i, count - i)), count - i);
}

// The slope of x sigmoid(q(x)): s + x s (1 - s) q'(x), s = sigmoid(q). With e = e^-|q| and share =
// 1 / (1 + e), s (1 - s) is e share^2, which does not cancel.
STRIATE_INLINE Vector gate_slope(Vector x, Vector q, Vector dq) {
  const Vector e = exp(-abs(q)), share = 1.0f / (1.0f + e);
  return (q < 0.0f ? e * share : share) + x * dq * (e * share * share);
}

STRIATE_INLINE Vector silu_slope(Vector x) {
  const Vector t = between(-104, x, 104);  // where e is 0 already, so that infinity times it is 0
  return gate_slope(t, t, broadcast(1));
}

STRIATE_INLINE Vector gelu_tanh_slope(Vector x) {
  const Vector t = between(-12, x, 12), square = t * t;
  const Vector q = t * (1.59576912f + 0.0713548163f * square);
  return gate_slope(t, q, 1.59576912f + 0.214064449f * square);
}

// Phi(x) + x phi(x)
STRIATE_INLINE Vector gelu_slope(Vector x) {
  const Vector t = min(broadcast(15), abs(x));
  const Scaled parts = scaled_gauss(t, 0.5f);
  const Vector e = parts.value * parts.scale;
  const Vector tail = normal_tail(t) * e - t * e * 0.398942280f;  // Phi(-t) - t phi(t)
  return x < 0.0f ? tail : 1.0f - tail;
}

// w + 4 x e (1 + e) / (u + 2)^2 with e = e^x, u = e (e + 2), w = u / (u + 2) = tanh(log(1 + e))
STRIATE_INLINE Vector mish_slope(Vector x) {
  const Vector t = between(-104, x, 20);
  const Vector e = exp(t), u = e * (e + 2.0f), part = 1.0f / (u + 2.0f);
  return u * part + 4.0f * t * e * part * ((1.0f + e) * part);
}

STRIATE_INLINE Vector erf_slope(Vector x) {
  const Scaled e = scaled_gauss(min(broadcast(11), abs(x)), 1.0f);
  return 1.12837917f * e.value * e.scale;
}

}  // namespace

void activate_gradient(const ActivationSpec& spec, const float* gy, const float* x, float* gx,
                       int64_t count) {
  const float alpha = spec.alpha, beta = spec.beta;
  const float low = -beta / alpha, high = (1 - beta) / alpha;  // ends of the hard functions' slope
  const float top = beta == kInfinity ? __builtin_nanf("") : beta;  // relu lets infinity through
  const Vector zero{}, one = broadcast(1);
#define STRIATE_GRADIENT(kind, formula)                                              \
  case Activation::kind:                                                             \
    each_pair(gy, x, gx, count,                                                      \
              [=](Vector g, Vector v) STRIATE_LAMBDA -> Vector { return formula; }); \
    break
  switch (spec.kind) {
    // Of v = f(x).
    STRIATE_GRADIENT(clamp, (v <= alpha) | (v >= top) ? zero : g);
    STRIATE_GRADIENT(sigmoid, g * (v * (1.0f - v)));
    STRIATE_GRADIENT(tanh, g * (beta * (alpha - v * v / alpha)));
    STRIATE_GRADIENT(exp, g * v);
    STRIATE_GRADIENT(sqrt, g * (0.5f / v));
    STRIATE_GRADIENT(rsqrt, g * (-0.5f * v * v * v));
    STRIATE_GRADIENT(reciprocal, -(g * (v * v)));
    // Of v = x.
    STRIATE_GRADIENT(leaky_relu, v > 0.0f ? g : g * alpha);
    STRIATE_GRADIENT(elu, v > 0.0f ? g : g * (alpha * exp(v)));
    STRIATE_GRADIENT(selu, g * beta * (v > 0.0f ? one : alpha * exp(v)));
    STRIATE_GRADIENT(celu, v > 0.0f ? g : g * exp(v / alpha));
    STRIATE_GRADIENT(silu, g * silu_slope(v));
    STRIATE_GRADIENT(gelu, g * gelu_slope(v));
    STRIATE_GRADIENT(gelu_tanh, g * gelu_tanh_slope(v));
    STRIATE_GRADIENT(mish, g * mish_slope(v));
    STRIATE_GRADIENT(softplus, alpha * v > beta ? g : g * sigmoid(alpha * v));
    STRIATE_GRADIENT(softsign, g / ((1.0f + abs(v)) * (1.0f + abs(v))));
    STRIATE_GRADIENT(hard_swish, v <= low ? zero : (v >= high ? g : g * (2 * alpha * v + beta)));
    STRIATE_GRADIENT(hard_sigmoid, (v > low) & (v < high) ? g * alpha : zero);
    STRIATE_GRADIENT(log_sigmoid, g * sigmoid(-v));
    STRIATE_GRADIENT(threshold, v <= alpha ? zero : g);
    STRIATE_GRADIENT(abs, v > 0.0f ? g : (v < 0.0f ? -g : g * v));
    STRIATE_GRADIENT(log, g / v);
    STRIATE_GRADIENT(square, g * (2.0f * v));
    STRIATE_GRADIENT(erf, g * erf_slope(v));
    STRIATE_GRADIENT(sin,
                     g * each_lane(v, [](float a) STRIATE_LAMBDA { return __builtin_cosf(a); }));
    STRIATE_GRADIENT(cos,
                     -g * each_lane(v, [](float a) STRIATE_LAMBDA { return __builtin_sinf(a); }));
    default:  // functions without a slope, which no shape has
      break;
  }
#undef STRIATE_GRADIENT
}

}  // namespace striate::STRIATE_TARGET
