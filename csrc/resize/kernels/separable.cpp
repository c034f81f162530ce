// Interpolation row by row: first the rows of x that an output row reads become one, in scratch,
// then its pixels are drawn from that row.
//
//   scratch: [in width][L] | offsets of the columns [out width][taps]
//
// Two taps along both axes cost 2 in width + 2 out width multiplications a row, not 4 out width.
// Where only one row is read with factor 1 (nearest), it is read in place. A task is 8192 numbers
// or one row of one block.
#include "kernels/activate.hpp"
#include "kernels/lanes.hpp"
#include "resize/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

int64_t rows_of_task(const ResizeShape& s) {
  return most(1, kTask / (s.out[2] * kLanes));
}

int64_t tasks_of_block(const ResizeShape& s) {
  return ceil_div(s.out[0] * s.out[1], rows_of_task(s));
}

bool fits(const ResizeShape&) {
  return true;
}

Needs needs(const ResizeShape& s, int) {
  const int64_t row = ceil_div(s.in[2] * kLanes, 16) * 16;
  Needs needs;
  needs.thread_floats = row + ceil_div(s.out[2] * s.taps[2], 16) * 16;
  needs.tasks[0] = s.batch * ceil_div(s.channels, kLanes) * tasks_of_block(s);
  return needs;
}

struct Table {
  const float *index, *factor;
};

Table table_of(const ResizeShape& s, const float* tables, int axis) {
  for (int i = 0; i < axis; ++i) tables += 2 * s.out[i] * s.taps[i];
  return {tables, tables + s.out[axis] * s.taps[axis]};
}

int64_t inside(float index, int64_t size) {
  return index >= 0 && index < static_cast<float>(size) ? static_cast<int64_t>(index) : 0;
}

// The sum of the rows that output row (i, j) reads.
const float* joined_row(const ResizeShape& s, const Table& depth, const Table& height,
                        const float* x, int64_t i, int64_t j, float* row) {
  const int64_t count = s.in[2] * kLanes;
  const bool one = s.taps[0] * s.taps[1] == 1;
  bool first = true;
  for (int64_t u = i * s.taps[0]; u < (i + 1) * s.taps[0]; ++u) {
    for (int64_t v = j * s.taps[1]; v < (j + 1) * s.taps[1]; ++v) {
      const float factor = depth.factor[u] * height.factor[v];
      if (factor == 0) continue;  // gradients' tables are filled up with these
      const int64_t z = inside(depth.index[u], s.in[0]), y = inside(height.index[v], s.in[1]);
      const float* from = x + (z * s.in[1] + y) * count;
      if (one && factor == 1) return from;
      const Vector share = broadcast(factor);
      if (first) {
        for (int64_t k = 0; k < count; k += kLanes) store(row + k, load(from + k) * share);
      } else {
        for (int64_t k = 0; k < count; k += kLanes) {
          store(row + k, load(row + k) + load(from + k) * share);
        }
      }
      first = false;
    }
  }
  if (first) __builtin_memset(row, 0, count * sizeof(float));
  return row;
}

template <int kTaps>
void draw_pixels(const ResizeShape& s, const float* row, const int32_t* offset, const float* factor,
                 float* y) {
  const int64_t taps = kTaps ? kTaps : s.taps[2];
  for (int64_t k = 0; k < s.out[2]; ++k, offset += taps, factor += taps) {
    Vector sum = load(row + offset[0] * kLanes) * broadcast(factor[0]);
    for (int64_t w = 1; w < taps; ++w) {
      sum += load(row + offset[w] * kLanes) * broadcast(factor[w]);
    }
    store(y + k * kLanes, sum);
  }
}

void run(const ResizeShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const Table depth = table_of(s, buffers.weight[0], 0), height = table_of(s, buffers.weight[0], 1);
  const Table width = table_of(s, buffers.weight[0], 2);
  float* row = buffers.scratch;
  int32_t* offsets = reinterpret_cast<int32_t*>(row + ceil_div(s.in[2] * kLanes, 16) * 16);
  for (int64_t k = 0; k < s.out[2] * s.taps[2]; ++k) {
    offsets[k] = static_cast<int32_t>(inside(width.index[k], s.in[2]));
  }
  const int64_t blocks = ceil_div(s.channels, kLanes), tasks = tasks_of_block(s);
  const int64_t rows = rows_of_task(s), all = s.out[0] * s.out[1], across = s.out[2] * kLanes;
  const auto draw = s.taps[2] == 1   ? draw_pixels<1>
                    : s.taps[2] == 2 ? draw_pixels<2>
                    : s.taps[2] == 4 ? draw_pixels<4>
                                     : draw_pixels<0>;
  for (int64_t task = first; task < stop; ++task) {
    const int64_t block = task / tasks % blocks, n = task / tasks / blocks;
    const float* x = buffers.in[0] + n * s.x_batch_stride + block * s.in_pixels() * kLanes;
    float* y = buffers.out[0] + n * s.y_batch_stride + block * s.out_pixels() * kLanes;
    const int64_t from = task % tasks * rows, to = least(all, from + rows);
    for (int64_t r = from; r < to; ++r) {
      const float* joined = joined_row(s, depth, height, x, r / s.out[1], r % s.out[1], row);
      draw(s, joined, offsets, width.factor, y + r * across);
    }
    if (s.activation.kind != Activation::none) {
      activate(s.activation, y + from * across, y + from * across, (to - from) * across);
      clear_lanes(y + from * across, (to - from) * s.out[2], used_lanes(s.channels, block));
    }
  }
}

}  // namespace

extern const Kernel<ResizeShape> resize_separable;
const Kernel<ResizeShape> resize_separable = {"separable", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
