// Pixels of blocked maps put in another place: pads of all kinds, slices, rolled and spread maps.
//
// Row by row of y; in a row the pixels that lie inside x are a run, what is before and behind them
// is looked up one by one. A task is 8192 numbers or one row of one block.
//
// Where y has other channels (a shortcut that subsamples and pads), a block of y takes its lanes
// from two blocks of x, and the constant for channels that x has not:
//
//   y  | v  v  v  a0 a1 a2 a3 a4 |   x_first = -3
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
      s.batch * ceil_div(s.y_channels, kLanes) * ceil_div(s.out[0] * s.out[1], rows_of_task(s));
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

// What a block of y reads: lanes of two blocks of x. `outside` is the constant, which may be
// infinite, and 0 in unused lanes.
struct Source {
  const float* x[2];
  IntVector lanes[2], mask[2];
  Vector outside;
  bool whole;  // all of x[0]
};

Source source_of(const CopyShape& s, const float* x, int64_t block) {
  Source source;
  const int64_t blocks = ceil_div(s.x_channels, kLanes), first = block * kLanes + s.x_first;
  const int64_t low = first >= 0 ? first / kLanes : -ceil_div(-first, kLanes);
  const int64_t used = used_lanes(s.y_channels, block);
  for (int i = 0; i < 2; ++i) {
    source.x[i] = x + most(0, least(low + i, blocks - 1)) * s.in_pixels() * kLanes;
    source.lanes[i] = source.mask[i] = IntVector{};
  }
  for (int64_t lane = 0; lane < used; ++lane) {
    const int64_t channel = first + lane;
    if (channel < 0 || channel >= s.x_channels) continue;
    const int i = channel / kLanes == low ? 0 : 1;
    source.lanes[i][lane] = static_cast<int32_t>(channel % kLanes);
    source.mask[i][lane] = -1;
  }
  source.whole = s.x_first % kLanes == 0 && first >= 0 && first + used <= s.x_channels;
  source.outside = masked(first_lanes(used), broadcast(s.value));
  return source;
}

template <bool kWhole>
STRIATE_INLINE Vector pixel_at(const Source& s, int64_t at) {
  if (kWhole) return load(s.x[0] + at * kLanes);
  const Vector a = __builtin_shuffle(load(s.x[0] + at * kLanes), s.lanes[0]);
  const Vector b = __builtin_shuffle(load(s.x[1] + at * kLanes), s.lanes[1]);
  const IntVector rest = ~(s.mask[0] | s.mask[1]) & (IntVector)s.outside;
  return (Vector)((s.mask[0] & (IntVector)a) | (s.mask[1] & (IntVector)b) | rest);
}

template <bool kWhole>
void run_row(const CopyShape& s, const Source& source, float* y, int64_t row) {
  const int64_t z = place(s, 0, row / s.out[1]), v = place(s, 1, row % s.out[1]);
  if (z < 0 || v < 0) {
    for (int64_t i = 0; i < s.out[2]; ++i) store(y + i * kLanes, source.outside);
    return;
  }
  const int64_t start = (z * s.in[1] + v) * s.in[2], step = s.step[2], before = s.before[2];
  const int64_t first = least(s.out[2], before > 0 ? ceil_div(before, step) : 0);
  const int64_t end = s.in[2] + before;  // i * step below it is inside
  const int64_t stop = most(first, least(s.out[2], end > 0 ? ceil_div(end, step) : 0));
  for (int64_t i = first; i < stop; ++i) {
    store(y + i * kLanes, pixel_at<kWhole>(source, start + i * step - before));
  }
  for (int64_t i = 0; i < s.out[2]; ++i) {
    if (i == first) i = stop;
    if (i == s.out[2]) break;
    const int64_t at = place(s, 2, i);
    store(y + i * kLanes, at < 0 ? source.outside : pixel_at<kWhole>(source, start + at));
  }
}

void run(const CopyShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t rows = rows_of_task(s), all = s.out[0] * s.out[1], tasks = ceil_div(all, rows);
  const int64_t blocks = ceil_div(s.y_channels, kLanes);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t from = task % tasks * rows, block = task / tasks % blocks;
    const int64_t n = task / tasks / blocks;
    const Source source = source_of(s, buffers.in[0] + n * s.x_batch_stride, block);
    float* y = buffers.out[0] + n * s.y_batch_stride + block * s.out_pixels() * kLanes;
    for (int64_t row = from; row < least(all, from + rows); ++row) {
      float* to = y + row * s.out[2] * kLanes;
      source.whole ? run_row<true>(s, source, to, row) : run_row<false>(s, source, to, row);
    }
  }
}

}  // namespace

extern const Kernel<CopyShape> copy_pixels;
const Kernel<CopyShape> copy_pixels = {"pixels", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
