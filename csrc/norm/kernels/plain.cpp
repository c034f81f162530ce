// Layer normalisation of plain rows: three passes over a row, of which the first brings it into L1
// or L2. Four sums side by side hide the latency of additions. A task is 8192 numbers or one row.
#include "kernels/activate.hpp"
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "norm/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

int64_t rows_of_task(const NormShape& s) {
  return most(1, kTask / s.channels);
}

bool fits(const NormShape& s) {
  return s.mode == NormMode::layer && s.plain;
}

Needs needs(const NormShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(s.batch, rows_of_task(s));
  return needs;
}

// Sums of x - mean and of its squares.
STRIATE_INLINE void centred_sums(const float* x, int64_t count, Vector mean, float* sum,
                                 float* squares) {
  Vector sums[4] = {}, square[4] = {};
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    STRIATE_UNROLL
    for (int k = 0; k < 4; ++k) {
      const Vector v = load_unaligned(x + i + k * kLanes) - mean;
      sums[k] += v;
      square[k] += v * v;
    }
  }
  for (; i < count; i += kLanes) {
    const int64_t rest = least(kLanes, count - i);
    const Vector v = masked(first_lanes(rest), load_first(x + i, rest) - mean);
    sums[0] += v;
    square[0] += v * v;
  }
  *sum = sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
  *squares = sum_of_lanes((square[0] + square[1]) + (square[2] + square[3]));
}

void run_row(const NormShape& s, const Buffers& buffers, int64_t row) {
  const float* x = buffers.in[0] + row * s.x_batch_stride;
  float* y = buffers.out[0] + row * s.y_batch_stride;
  const float share = 1.0f / static_cast<float>(s.channels);
  float sum, squares, mean = 0, rest = 0;
  if (!s.rms) {
    centred_sums(x, s.channels, Vector{}, &sum, &squares);
    mean = sum * share;
  }
  centred_sums(x, s.channels, broadcast(mean), &sum, &squares);
  if (!s.rms) rest = sum * share;
  const float scale = 1.0f / __builtin_sqrtf(squares * share - rest * rest + s.eps);
  const float *weight = buffers.weight[0], *bias = buffers.weight[1];
  for (int64_t i = 0; i < s.channels; i += kLanes) {
    const int64_t count = least(kLanes, s.channels - i);
    const bool whole = count == kLanes;
    const auto at = [&](const float* p) STRIATE_LAMBDA {
      return whole ? load_unaligned(p + i) : load_first(p + i, count);
    };
    Vector v = (at(x) - broadcast(mean) - broadcast(rest)) * broadcast(scale);
    if (s.weight) v *= at(weight);
    if (s.bias) v += at(bias);
    if (whole) {
      store_unaligned(y + i, v);
    } else {
      store_first(y + i, v, count);
    }
  }
  if (s.activation.kind != Activation::none) activate(s.activation, y, y, s.channels);
}

void run(const NormShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t rows = rows_of_task(s);
  for (int64_t task = first; task < stop; ++task) {
    for (int64_t i = task * rows; i < least(s.batch, (task + 1) * rows); ++i) {
      run_row(s, buffers, i);
    }
  }
}

}  // namespace

extern const Kernel<NormShape> norm_plain;
const Kernel<NormShape> norm_plain = {"plain", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
