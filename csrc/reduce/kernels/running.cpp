// Running sums, line by line; of lines side by side (inner > 1) a vector's at a time. In float64: a
// long line's last sum is as exact as its first. A task is 8192 numbers or one such group of lines.
#include "kernels/lanes.hpp"
#include "reduce/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

bool fits(const ReduceShape& s) {
  return s.mode == ReduceMode::cumsum;
}

int64_t groups(const ReduceShape& s) {  // of lines, of one `outer`
  return ceil_div(s.inner, kLanes);
}

int64_t groups_of_task(const ReduceShape& s) {
  return most(1, kTask / (s.size * least(s.inner, kLanes)));
}

Needs needs(const ReduceShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(s.outer * groups(s), groups_of_task(s));
  return needs;
}

void run(const ReduceShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t count = groups_of_task(s), across = groups(s);
  const int64_t last = least(s.outer * across, stop * count);
  for (int64_t group = first * count; group < last; ++group) {
    const int64_t from = group % across * kLanes, lines = least(kLanes, s.inner - from);
    const int64_t start = group / across * s.size * s.inner + from;
    double sum[kLanes] = {};
    for (int64_t at = start; at < start + s.size * s.inner; at += s.inner) {
      for (int64_t lane = 0; lane < lines; ++lane) {
        sum[lane] += b.in[0][at + lane];
        b.out[0][at + lane] = static_cast<float>(sum[lane]);
      }
    }
  }
}

}  // namespace

extern const Kernel<ReduceShape> reduce_running;
const Kernel<ReduceShape> reduce_running = {"running", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
