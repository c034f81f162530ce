// What the kernels of `reduce` share: how a number is added to those before it.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "reduce/shape.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kRun = 256;  // numbers that are added up before they join the others

template <ReduceMode mode>
constexpr float first_value() {
  if (mode == ReduceMode::max) return -kInfinity;
  if (mode == ReduceMode::min) return kInfinity;
  return mode == ReduceMode::prod ? 1.0f : 0.0f;
}

// Two results of parts of a line.
template <ReduceMode mode>
STRIATE_INLINE Vector joined(Vector a, Vector b) {
  if constexpr (mode == ReduceMode::max) return max(a, b);
  if constexpr (mode == ReduceMode::min) return min(a, b);
  if constexpr (mode == ReduceMode::prod) return a * b;
  return a + b;
}

// What of a number is joined; `shift` is the line's mean, or its maximum.
template <ReduceMode mode>
STRIATE_INLINE Vector counted(Vector x, Vector shift) {
  if constexpr (mode == ReduceMode::l1) return abs(x);
  if constexpr (mode == ReduceMode::l2 || mode == ReduceMode::sum_square) return x * x;
  if constexpr (mode == ReduceMode::variance || mode == ReduceMode::deviation) {
    return (x - shift) * (x - shift);
  }
  if constexpr (mode == ReduceMode::log_sum_exp || mode == ReduceMode::softmax ||
                mode == ReduceMode::log_softmax) {
    return exp(x - shift);
  }
  return x;
}

template <ReduceMode mode>
STRIATE_INLINE Vector finished(const ReduceShape& s, Vector total, Vector shift) {
  if constexpr (mode == ReduceMode::mean) return total / broadcast(static_cast<float>(s.size));
  if constexpr (mode == ReduceMode::l2) return sqrt(total);
  if constexpr (mode == ReduceMode::variance) return total / broadcast(s.divisor);
  if constexpr (mode == ReduceMode::deviation) return sqrt(total / broadcast(s.divisor));
  if constexpr (mode == ReduceMode::log_sum_exp) return log(total) + shift;
  return total;
}

// What `shift` is the result of; the mode itself where it needs none.
template <ReduceMode mode>
constexpr ReduceMode shift_mode() {
  if (mode == ReduceMode::variance || mode == ReduceMode::deviation) return ReduceMode::mean;
  if (mode == ReduceMode::log_sum_exp || mode == ReduceMode::softmax ||
      mode == ReduceMode::log_softmax) {
    return ReduceMode::max;
  }
  return mode;
}

// A line of infinities is not shifted by one: the difference would be NaN.
template <ReduceMode mode>
STRIATE_INLINE Vector usable_shift(Vector shift) {
  if constexpr (mode != ReduceMode::log_sum_exp) return shift;
  return abs(shift) == kInfinity ? Vector{} : shift;
}

// softmax leaves the exponentials in y when it adds them up, and needs them no second time.
template <ReduceMode mode>
constexpr bool keeps_counted() {
  return mode == ReduceMode::softmax;
}

// y of a number x, or of what was kept of it; `finish` is 1 / total of the line, or its logarithm.
template <ReduceMode mode>
STRIATE_INLINE Vector share(Vector x, Vector shift, Vector finish) {
  if constexpr (mode == ReduceMode::log_softmax) return x - shift - finish;
  return x * finish;
}

// run<mode>(arguments...) for the shape's mode.
#define STRIATE_REDUCE(run, shape, ...)                 \
  switch ((shape).mode) {                               \
    case ReduceMode::sum:                               \
      return run<ReduceMode::sum>(__VA_ARGS__);         \
    case ReduceMode::mean:                              \
      return run<ReduceMode::mean>(__VA_ARGS__);        \
    case ReduceMode::max:                               \
      return run<ReduceMode::max>(__VA_ARGS__);         \
    case ReduceMode::min:                               \
      return run<ReduceMode::min>(__VA_ARGS__);         \
    case ReduceMode::prod:                              \
      return run<ReduceMode::prod>(__VA_ARGS__);        \
    case ReduceMode::l1:                                \
      return run<ReduceMode::l1>(__VA_ARGS__);          \
    case ReduceMode::l2:                                \
      return run<ReduceMode::l2>(__VA_ARGS__);          \
    case ReduceMode::sum_square:                        \
      return run<ReduceMode::sum_square>(__VA_ARGS__);  \
    case ReduceMode::log_sum_exp:                       \
      return run<ReduceMode::log_sum_exp>(__VA_ARGS__); \
    case ReduceMode::variance:                          \
      return run<ReduceMode::variance>(__VA_ARGS__);    \
    case ReduceMode::deviation:                         \
      return run<ReduceMode::deviation>(__VA_ARGS__);   \
    case ReduceMode::softmax:                           \
      return run<ReduceMode::softmax>(__VA_ARGS__);     \
    case ReduceMode::log_softmax:                       \
      return run<ReduceMode::log_softmax>(__VA_ARGS__); \
    case ReduceMode::argmax:                            \
    case ReduceMode::argmin:                            \
    case ReduceMode::cumsum:                            \
    case ReduceMode::count:                             \
      break;                                            \
  }

}  // namespace striate::STRIATE_TARGET
