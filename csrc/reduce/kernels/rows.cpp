// Lines whose numbers lie one behind the other (inner = 1): a vector takes kLanes numbers of a
// line, and its lanes are joined at the end. A task is 8192 numbers or one line.
#include "reduce/kernels/fold.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

bool fits(const ReduceShape& s) {
  return s.inner == 1 && s.folds();
}

int64_t rows_of_task(const ReduceShape& s) {
  return most(1, kTask / s.size);
}

Needs needs(const ReduceShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(s.outer, rows_of_task(s));
  return needs;
}

template <ReduceMode mode>
STRIATE_INLINE Vector join_lanes(Vector v) {
  alignas(64) float lanes[2 * kLanes] = {};
  for (int width = kLanes / 2; width > 0; width /= 2) {
    store(lanes, v);
    v = joined<mode>(v, load_unaligned(lanes + width));
  }
  return broadcast(v[0]);
}

// `kept`: where what is counted stays, if it does.
template <ReduceMode mode>
STRIATE_INLINE Vector line(const float* x, int64_t size, Vector shift, float* kept) {
  const Vector start = broadcast(first_value<mode>());
  Vector total = start;
  int64_t i = 0;
  while (i + kLanes <= size) {
    Vector run = start;
    const int64_t stop = least(size - kLanes + 1, i + kRun * kLanes);
    for (; i < stop; i += kLanes) {
      const Vector number = counted<mode>(load_unaligned(x + i), shift);
      if constexpr (keeps_counted<mode>()) store_unaligned(kept + i, number);
      run = joined<mode>(run, number);
    }
    total = joined<mode>(total, run);
  }
  if (i < size) {
    const Vector rest = counted<mode>(load_first(x + i, size - i), shift);
    if constexpr (keeps_counted<mode>()) store_first(kept + i, rest, size - i);
    total = joined<mode>(total, first_lanes(size - i) ? rest : start);
  }
  return join_lanes<mode>(total);
}

template <ReduceMode mode>
void run_rows(const ReduceShape& s, const float* x, float* y, int64_t count) {
  constexpr ReduceMode kShift = shift_mode<mode>();
  constexpr bool kShares = mode == ReduceMode::softmax || mode == ReduceMode::log_softmax;
  for (int64_t row = 0; row < count; ++row, x += s.size) {
    Vector shift{};
    if constexpr (kShift != mode) {
      const Vector found = line<kShift>(x, s.size, shift, nullptr);
      shift = usable_shift<mode>(finished<kShift>(s, found, shift));
    }
    float* to = y + row * s.size;
    const Vector total = line<mode>(x, s.size, shift, to);
    if constexpr (!kShares) {
      y[row] = finished<mode>(s, total, shift)[0];
      continue;
    }
    const Vector finish = mode == ReduceMode::log_softmax ? log(total) : 1.0f / total;
    const float* from = keeps_counted<mode>() ? to : x;
    int64_t i = 0;
    for (; i + kLanes <= s.size; i += kLanes) {
      store_unaligned(to + i, share<mode>(load_unaligned(from + i), shift, finish));
    }
    if (i < s.size) {
      store_first(to + i, share<mode>(load_first(from + i, s.size - i), shift, finish), s.size - i);
    }
  }
}

void run_part(const ReduceShape& s, const float* x, float* y, int64_t count) {
  STRIATE_REDUCE(run_rows, s, s, x, y, count)
}

void run(const ReduceShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t rows = rows_of_task(s), out = s.keeps_size() ? s.size : 1;
  const int64_t from = first * rows, to = least(s.outer, stop * rows);
  run_part(s, b.in[0] + from * s.size, b.out[0] + from * out, to - from);
}

}  // namespace

extern const Kernel<ReduceShape> reduce_rows_kernel;
const Kernel<ReduceShape> reduce_rows_kernel = {"rows", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
