// Line by line: where its numbers lie side by side (inner = 1) a vector takes kLanes of them, else
// each lane has a line of its own. A task is 8192 numbers, one line, or one vector of lines.
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "softmax_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

int64_t units(const SoftmaxGradientShape& s) {  // lines, or vectors of them, of one `outer`
  return s.inner == 1 ? 1 : ceil_div(s.inner, kLanes);
}

int64_t units_of_task(const SoftmaxGradientShape& s) {
  return most(1, kTask / (s.size * (s.inner == 1 ? 1 : least(s.inner, kLanes))));
}

bool fits(const SoftmaxGradientShape&) {
  return true;
}

Needs needs(const SoftmaxGradientShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(s.outer * units(s), units_of_task(s));
  return needs;
}

STRIATE_INLINE Vector load_some(const float* p, int64_t count) {
  return count >= kLanes ? load_unaligned(p) : load_first(p, count);
}

STRIATE_INLINE void store_some(float* p, Vector v, int64_t count) {
  if (count >= kLanes) return store_unaligned(p, v);
  store_first(p, v, count);
}

template <bool kLog>
STRIATE_INLINE Vector counted(Vector gy, Vector y) {
  return kLog ? gy : gy * y;
}

template <bool kLog>
STRIATE_INLINE Vector gradient(Vector gy, Vector y, Vector sum) {
  if constexpr (kLog) return gy - exp(y) * sum;
  return y * (gy - sum);
}

template <bool kLog>
void run_line(const SoftmaxGradientShape& s, const float* gy, const float* y, float* gx) {
  Vector total{};
  for (int64_t i = 0; i < s.size; i += kLanes) {
    total += counted<kLog>(load_some(gy + i, s.size - i), load_some(y + i, s.size - i));
  }
  const Vector sum = broadcast(sum_of_lanes(total));
  for (int64_t i = 0; i < s.size; i += kLanes) {
    const int64_t left = s.size - i;
    store_some(gx + i, gradient<kLog>(load_some(gy + i, left), load_some(y + i, left), sum), left);
  }
}

template <bool kLog>
void run_lines(const SoftmaxGradientShape& s, const float* gy, const float* y, float* gx,
               int64_t lines) {
  Vector sum{};
  for (int64_t i = 0; i < s.size; ++i) {
    const int64_t at = i * s.inner;
    sum += counted<kLog>(load_some(gy + at, lines), load_some(y + at, lines));
  }
  for (int64_t i = 0; i < s.size; ++i) {
    const int64_t at = i * s.inner;
    const Vector g = load_some(gy + at, lines), v = load_some(y + at, lines);
    store_some(gx + at, gradient<kLog>(g, v, sum), lines);
  }
}

template <bool kLog>
void run_units(const SoftmaxGradientShape& s, const Buffers& b, int64_t first, int64_t stop) {
  const int64_t across = units(s);
  for (int64_t unit = first; unit < stop; ++unit) {
    const int64_t from = unit % across * kLanes;
    const int64_t at = unit / across * s.size * s.inner + from;
    const float *gy = b.in[0] + at, *y = b.in[1] + at;
    if (s.inner == 1) {
      run_line<kLog>(s, gy, y, b.out[0] + at);
    } else {
      run_lines<kLog>(s, gy, y, b.out[0] + at, s.inner - from);
    }
  }
}

void run(const SoftmaxGradientShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t count = units_of_task(s), all = s.outer * units(s);
  const auto units = s.log ? run_units<true> : run_units<false>;
  units(s, b, first * count, least(all, stop * count));
}

}  // namespace

extern const Kernel<SoftmaxGradientShape> softmax_gradient_lines;
const Kernel<SoftmaxGradientShape> softmax_gradient_lines = {"lines", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
