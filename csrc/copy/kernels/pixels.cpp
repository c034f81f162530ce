// Pixels of blocked maps put in another place: pads of all kinds, slices, rolled and spread maps.
//
// Row by row of y; in a row the pixels that lie inside x are a run, what is before and behind them
// is looked up one by one. A task is 8192 numbers or one row of one block.
#include "copy/shape.hpp"
#include "kernels/lanes.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

bool fits(const CopyShape& s) {
  return s.mode == CopyMode::pixels;
}

int64_t rows_of_task(const CopyShape& s) {
  return most(1, kTask / (s.out[2] * kLanes));
}

Needs needs(const CopyShape& s, int) {
  Needs needs;
  needs.tasks[0] =
      s.batch * ceil_div(s.x_channels, kLanes) * ceil_div(s.out[0] * s.out[1], rows_of_task(s));
  return needs;
}

// The pixel of x for place i of y along an axis, -1: the constant.
int64_t place(const CopyShape& s, int axis, int64_t i) {
  const int64_t n = s.in[axis], at = i * s.step[axis] - s.before[axis];
  if (at >= 0 && at < n) return at;
  switch (s.border) {
    case Border::replicate:
      return at < 0 ? 0 : n - 1;
    case Border::circular:
      return (at % n + n) % n;
    case Border::reflect: {
      if (n == 1) return 0;
      const int64_t period = 2 * (n - 1), inside = (at % period + period) % period;
      return least(inside, period - inside);
    }
    default:
      return -1;
  }
}

STRIATE_INLINE void put_pixel(Vector outside, const float* row, int64_t at, float* y) {
  store(y, at < 0 ? outside : load(row + at * kLanes));
}

// `outside` is the constant, which may be infinite, and 0 in unused lanes.
void run_row(const CopyShape& s, Vector outside, const float* x, float* y, int64_t row) {
  const int64_t z = place(s, 0, row / s.out[1]), v = place(s, 1, row % s.out[1]);
  if (z < 0 || v < 0) {
    for (int64_t i = 0; i < s.out[2]; ++i) put_pixel(outside, x, -1, y + i * kLanes);
    return;
  }
  x += (z * s.in[1] + v) * s.in[2] * kLanes;
  const int64_t step = s.step[2], before = s.before[2];
  const int64_t first = least(s.out[2], before > 0 ? ceil_div(before, step) : 0);
  const int64_t end = s.in[2] + before;  // i * step below it is inside
  const int64_t stop = most(first, least(s.out[2], end > 0 ? ceil_div(end, step) : 0));
  for (int64_t i = 0; i < first; ++i) put_pixel(outside, x, place(s, 2, i), y + i * kLanes);
  const float* from = x - before * kLanes;
  for (int64_t i = first; i < stop; ++i) store(y + i * kLanes, load(from + i * step * kLanes));
  for (int64_t i = stop; i < s.out[2]; ++i) put_pixel(outside, x, place(s, 2, i), y + i * kLanes);
}

void run(const CopyShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t rows = rows_of_task(s), all = s.out[0] * s.out[1], tasks = ceil_div(all, rows);
  const int64_t blocks = ceil_div(s.x_channels, kLanes);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t from = task % tasks * rows, block = task / tasks % blocks;
    const int64_t n = task / tasks / blocks;
    const float* x = buffers.in[0] + n * s.x_batch_stride + block * s.in_pixels() * kLanes;
    float* y = buffers.out[0] + n * s.y_batch_stride + block * s.out_pixels() * kLanes;
    const IntVector used = first_lanes(used_lanes(s.x_channels, block));
    const Vector outside = masked(used, broadcast(s.value));
    for (int64_t row = from; row < least(all, from + rows); ++row) {
      run_row(s, outside, x, y + row * s.out[2] * kLanes, row);
    }
  }
}

}  // namespace

extern const Kernel<CopyShape> copy_pixels;
const Kernel<CopyShape> copy_pixels = {"pixels", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
