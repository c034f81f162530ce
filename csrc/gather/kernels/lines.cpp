// Line by line of `inner` numbers. Look-ups are copies: a task is 8192 numbers or one line. Of sums
// a task has some columns of one array to itself, whatever places they are of, so that the order of
// the sums is the index's.
#include "gather/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192, kColumns = 256;

int64_t lines_of_task(const GatherShape& s) {
  return most(1, kTask / s.inner);
}

bool fits(const GatherShape&) {
  return true;
}

Needs needs(const GatherShape& s, int) {
  Needs needs;
  needs.tasks[0] = s.adds() ? s.outer * ceil_div(s.inner, kColumns)
                            : ceil_div(s.outer * s.count, lines_of_task(s));
  return needs;
}

STRIATE_INLINE int64_t inside(float index, int64_t size) {
  return index >= 0 && index < static_cast<float>(size) ? static_cast<int64_t>(index) : 0;
}

// Lines are counted through all of y: o * count + k.
void look_up(const GatherShape& s, const Buffers& b, int64_t line, int64_t last) {
  for (; line < last; ++line) {
    const float* x = b.in[0] + line / s.count * s.size * s.inner;
    const float* index = b.in[1] + (s.each() ? line * s.inner : line % s.count);
    float* y = b.out[0] + line * s.inner;
    if (s.each()) {
      for (int64_t i = 0; i < s.inner; ++i) y[i] = x[inside(index[i], s.size) * s.inner + i];
      continue;
    }
    x += inside(index[0], s.size) * s.inner;
    for (int64_t i = 0; i < s.inner; ++i) y[i] = x[i];
  }
}

// The columns from `first` to `stop` of array o.
void add_up(const GatherShape& s, const Buffers& b, int64_t o, int64_t first, int64_t stop) {
  float* x = b.out[0] + o * s.size * s.inner;
  for (int64_t j = 0; j < s.size; ++j) {
    for (int64_t i = first; i < stop; ++i) x[j * s.inner + i] = 0;
  }
  for (int64_t k = 0; k < s.count; ++k) {
    const int64_t line = o * s.count + k;
    const float* y = b.in[0] + line * s.inner;
    const float* index = b.in[1] + (s.each() ? line * s.inner : k);
    if (s.each()) {
      for (int64_t i = first; i < stop; ++i) x[inside(index[i], s.size) * s.inner + i] += y[i];
      continue;
    }
    float* to = x + inside(index[0], s.size) * s.inner;
    for (int64_t i = first; i < stop; ++i) to[i] += y[i];
  }
}

void run(const GatherShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  if (!s.adds()) {
    const int64_t lines = lines_of_task(s);
    return look_up(s, b, first * lines, least(s.outer * s.count, stop * lines));
  }
  const int64_t parts = ceil_div(s.inner, kColumns);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t from = task % parts * kColumns;
    add_up(s, b, task / parts, from, least(s.inner, from + kColumns));
  }
}

}  // namespace

extern const Kernel<GatherShape> gather_lines;
const Kernel<GatherShape> gather_lines = {"lines", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
