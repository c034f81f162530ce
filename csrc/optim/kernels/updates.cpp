// The optimizers' arithmetic, bound by reading and writing the arrays. Each lane does what torch
// does to each number, in its order and with its roundings.
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "optim/optim.hpp"

namespace striate::STRIATE_TARGET {

namespace {

STRIATE_INLINE Vector load_some(const float* p, int64_t count) {
  return count >= kLanes ? load_unaligned(p) : load_first(p, count);
}

STRIATE_INLINE void store_some(float* p, Vector v, int64_t count) {
  if (count >= kLanes) return store_unaligned(p, v);
  store_first(p, v, count);
}

// x rounded here, where the compiler would make it part of a multiply-add.
STRIATE_INLINE Vector rounded(Vector x) {
  pin(x);
  return x;
}

template <bool kMomentum, bool kNesterov>
STRIATE_INLINE void sgd_vector(const Sgd& s, const Updated& one, int64_t i, int64_t left) {
  const Vector p = load_some(one.parameter + i, left);
  Vector g = load_some(one.gradient + i, left) + s.weight_decay * p;
  if constexpr (kMomentum) {
    Vector m = g;
    if (!s.first) m = rounded(s.momentum * load_some(one.state[0] + i, left)) + s.kept * g;
    store_some(one.state[0] + i, m, left);
    g = kNesterov ? g + s.momentum * m : m;
  }
  store_some(one.parameter + i, p - s.lr * g, left);
}

template <bool kMomentum, bool kNesterov>
void sgd_run(const Sgd& s, const Updated& one, int64_t i, int64_t stop) {
  for (; i + kLanes <= stop; i += kLanes) sgd_vector<kMomentum, kNesterov>(s, one, i, kLanes);
  if (i < stop) sgd_vector<kMomentum, kNesterov>(s, one, i, stop - i);
}

void sgd(const Sgd& s, const Updated& one, int64_t first, int64_t stop) {
  if (one.state[0] == nullptr) return sgd_run<false, false>(s, one, first, stop);
  const auto run = s.nesterov ? sgd_run<true, true> : sgd_run<true, false>;
  run(s, one, first, stop);
}

template <bool kLargest>
STRIATE_INLINE void adamw_vector(const AdamW& s, const Updated& one, int64_t i, int64_t left) {
  const Vector p = rounded(s.decay * load_some(one.parameter + i, left));
  const Vector g = load_some(one.gradient + i, left);
  Vector a = load_some(one.state[0] + i, left), q = load_some(one.state[1] + i, left);
  a = a + s.average_share * (g - a);
  q = rounded(s.beta2 * q) + rounded(s.square_share * g) * g;
  store_some(one.state[0] + i, a, left);
  store_some(one.state[1] + i, q, left);
  if constexpr (kLargest) {
    q = q == q ? max(q, load_some(one.state[2] + i, left)) : q;  // NaN if any is
    store_some(one.state[2] + i, q, left);
  }
  const Vector divisor = sqrt(q) / s.root_correction + s.eps;
  store_some(one.parameter + i, p - rounded(s.step_size * a) / divisor, left);
}

template <bool kLargest>
void adamw_run(const AdamW& s, const Updated& one, int64_t i, int64_t stop) {
  for (; i + kLanes <= stop; i += kLanes) adamw_vector<kLargest>(s, one, i, kLanes);
  if (i < stop) adamw_vector<kLargest>(s, one, i, stop - i);
}

void adamw(const AdamW& s, const Updated& one, int64_t first, int64_t stop) {
  const auto run = one.state[2] == nullptr ? adamw_run<false> : adamw_run<true>;
  run(s, one, first, stop);
}

}  // namespace

extern const Updates updates;
const Updates updates = {sgd, adamw};

}  // namespace striate::STRIATE_TARGET
