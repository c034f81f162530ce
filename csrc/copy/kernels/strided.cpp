// Plain arrays with strides, in planes of two axes: y's innermost (across), and the one along which
// x is innermost (down).
//
// Where that is the same axis, rows are copied. Else a plane is transposed in tiles of 16 x 16: 16
// lines of x are read for 16 lines of y that are written, all of which stay in L1. Planes are cut
// across into pieces of 1024, and a task is so many rows (16 at least) of a piece as make 8192.
#include "copy/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTile = 16, kPiece = 1024, kTask = 8192;

struct Plane {
  int across, down;  // axes; down is -1 where there is only one
  int64_t width, height;
  int64_t piece, rows;    // of a task
  int64_t pieces, parts;  // tasks of a plane: pieces * parts
  int64_t planes;
};

Plane plane_of(const CopyShape& s) {
  Plane p{};
  p.across = s.axes - 1;
  p.down = s.axes - 2;
  int64_t least_stride = INT64_MAX;
  for (int axis = 0; axis < s.axes - 1; ++axis) {
    const int64_t stride = most(s.x_strides[axis], -s.x_strides[axis]);
    if (stride != 0 && stride < least_stride) {
      least_stride = stride;
      p.down = axis;
    }
  }
  // A row that lies in one piece in x as in y, or is one number: any other axis goes down.
  const int64_t own = most(s.x_strides[p.across], -s.x_strides[p.across]);
  if (own <= least_stride) p.down = s.axes - 2;
  p.width = s.sizes[p.across];
  p.height = p.down >= 0 ? s.sizes[p.down] : 1;
  p.piece = least(p.width, own == 1 ? kTask : kPiece);
  p.rows = least(p.height, most(kTile, kTask / p.piece));
  p.pieces = ceil_div(p.width, p.piece);
  p.parts = ceil_div(p.height, p.rows);
  p.planes = 1;
  for (int axis = 0; axis < s.axes - 1; ++axis) {
    if (axis != p.down) p.planes *= s.sizes[axis];
  }
  return p;
}

bool fits(const CopyShape& s) {
  return s.mode == CopyMode::strided;
}

// Small planes share a task.
int64_t planes_of_task(const Plane& p) {
  return p.pieces * p.parts > 1 ? 1 : most(1, kTask / (p.width * p.height));
}

Needs needs(const CopyShape& s, int) {
  const Plane p = plane_of(s);
  Needs needs;
  needs.tasks[0] = ceil_div(p.planes, planes_of_task(p)) * p.pieces * p.parts;
  return needs;
}

void copy_row(const float* x, int64_t x_step, float* y, int64_t y_step, int64_t count) {
  if (x_step == 1 && y_step == 1) {
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) store_unaligned(y + i, load_unaligned(x + i));
    for (; i < count; ++i) y[i] = x[i];
  } else if (y_step == 1) {
    for (int64_t i = 0; i < count; ++i) y[i] = x[i * x_step];
  } else {
    for (int64_t i = 0; i < count; ++i) y[i * y_step] = x[i * x_step];
  }
}

void copy_plane(const CopyShape& s, const Plane& p, const float* x, float* y, int64_t rows,
                int64_t columns) {
  const int64_t x_across = s.x_strides[p.across], y_across = s.y_strides[p.across];
  const int64_t x_down = p.down >= 0 ? s.x_strides[p.down] : 0;
  const int64_t y_down = p.down >= 0 ? s.y_strides[p.down] : 0;
  if (x_across == 1 || x_across == 0 || rows == 1) {
    for (int64_t r = 0; r < rows; ++r) {
      copy_row(x + r * x_down, x_across, y + r * y_down, y_across, columns);
    }
    return;
  }
  for (int64_t r = 0; r < rows; r += kTile) {
    for (int64_t c = 0; c < columns; c += kTile) {
      const float* from = x + r * x_down + c * x_across;
      float* to = y + r * y_down + c * y_across;
      for (int64_t i = 0; i < least(kTile, rows - r); ++i) {
        copy_row(from + i * x_down, x_across, to + i * y_down, y_across, least(kTile, columns - c));
      }
    }
  }
}

void run(const CopyShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const Plane p = plane_of(s);
  const int64_t tasks = p.pieces * p.parts, together = planes_of_task(p);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t column = task % p.pieces * p.piece, row = task / p.pieces % p.parts * p.rows;
    const int64_t from = task / tasks * together, to = least(p.planes, from + together);
    for (int64_t plane = from; plane < to; ++plane) {
      const float* x = buffers.in[0] + s.x_start + column * s.x_strides[p.across];
      float* y = buffers.out[0] + s.y_start + column * s.y_strides[p.across];
      if (p.down >= 0) {
        x += row * s.x_strides[p.down];
        y += row * s.y_strides[p.down];
      }
      int64_t left = plane;
      for (int axis = s.axes - 2; axis >= 0; --axis) {
        if (axis == p.down) continue;
        x += left % s.sizes[axis] * s.x_strides[axis];
        y += left % s.sizes[axis] * s.y_strides[axis];
        left /= s.sizes[axis];
      }
      copy_plane(s, p, x, y, least(p.rows, p.height - row), least(p.piece, p.width - column));
    }
  }
}

}  // namespace

extern const Kernel<CopyShape> copy_strided;
const Kernel<CopyShape> copy_strided = {"strided", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
