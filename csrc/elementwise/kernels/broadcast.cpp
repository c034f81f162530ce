// Two plain arrays with strides, row by row of the last axis, in pieces of 256: what does not lie
// side by side is gathered first. A task is as many rows, or as long a part of one, as make 8192.
#include "elementwise/kernels/combine.hpp"
#include "elementwise/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192, kPiece = 256;

bool fits(const ElementwiseShape& s) {
  return s.axes > 0;
}

int64_t row_count(const ElementwiseShape& s) {
  int64_t rows = 1;
  for (int axis = 0; axis + 1 < s.axes; ++axis) rows *= s.sizes[axis];
  return rows;
}

Needs needs(const ElementwiseShape& s, int) {
  const int64_t width = s.sizes[s.axes - 1];
  Needs needs;
  needs.tasks[0] = ceil_div(row_count(s), most(1, kTask / width)) * ceil_div(width, kTask);
  return needs;
}

const float* gathered(const float* x, int64_t stride, int64_t count, float* room) {
  if (stride == 1) return x;
  for (int64_t i = 0; i < count; ++i) room[i] = x[i * stride];
  return room;
}

void run_row(const ElementwiseShape& s, const Buffers& buffers, int64_t row, int64_t first,
             int64_t stop) {
  const int last = s.axes - 1;
  const float *a = buffers.in[0], *b = buffers.in[1];
  float* y = buffers.out[0] + row * s.sizes[last];
  for (int axis = last - 1; axis >= 0; --axis) {
    a += row % s.sizes[axis] * s.a_strides[axis];
    b += row % s.sizes[axis] * s.b_strides[axis];
    row /= s.sizes[axis];
  }
  const int64_t a_step = s.a_strides[last], b_step = s.b_strides[last];
  const Source source = b_step == 0 ? Source::number : Source::run;
  float a_room[kPiece], b_room[kPiece];
  for (int64_t i = first; i < stop; i += kPiece) {
    const int64_t count = least(kPiece, stop - i);
    const float* second = b_step == 0 ? b : gathered(b + i * b_step, b_step, count, b_room);
    combine(s.op, source, gathered(a + i * a_step, a_step, count, a_room), second, nullptr,
            s.activation, y + i, count);
  }
}

void run(const ElementwiseShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t width = s.sizes[s.axes - 1], all = row_count(s);
  const int64_t rows = most(1, kTask / width), pieces = ceil_div(width, kTask);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t row = task / pieces * rows, at = task % pieces * kTask;
    for (int64_t i = row; i < least(all, row + rows); ++i) {
      run_row(s, buffers, i, at, least(width, at + kTask));
    }
  }
}

}  // namespace

extern const Kernel<ElementwiseShape> elementwise_broadcast;
const Kernel<ElementwiseShape> elementwise_broadcast = {"broadcast", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
