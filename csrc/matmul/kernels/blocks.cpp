// Batches of matrix products, by the dense product of conv/kernels/dense.hpp with the rows of a in
// the place of pixels.
//
// Phase 0 packs each matrix b, times the scale, into panels of two vectors of columns as weights
// are (conv/kernels/panels.hpp), those behind the last column 0; one that serves the whole batch is
// packed once. A transposed a is turned in the same phase. In phase 1 a task computes up to 96 rows
// by a range of panels, range by range, so that a thread finds those that it packed in its cache;
// its sums stay in scratch, [vector][row], and are written to the rows of y at the end.
#include "conv/kernels/dense_rows.hpp"
#include "kernels/lanes.hpp"
#include "kernels/transpose.hpp"
#include "matmul/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kRows = 96;
constexpr int64_t kTasks = 16;
constexpr int64_t kTaskFlops = 1'000'000;
constexpr int64_t kSumFloats = 24576;  // of a task: 96 KiB of L2
constexpr int64_t kRowsAhead = 12;     // of a part of each row the processor fetches nothing ahead

struct Plan {
  int64_t products, packed;  // pairs of matrices; different b
  int64_t vectors, panels;   // of columns
  int64_t parts, ranges;     // of rows, of panels: tasks of a product
  int64_t rows;              // of the largest part
};

Plan plan(const MatMulShape& s) {
  Plan p;
  p.products = p.packed = s.products();
  bool same = true;
  for (int axis = 0; axis < s.axes; ++axis) {
    same = same && (s.batch[axis] == 1 || s.b_strides[axis] == 0);
  }
  if (same) p.packed = 1;
  p.vectors = ceil_div(s.columns, kLanes);
  p.panels = panels_of(p.vectors);
  p.parts = ceil_div(s.rows, kRows);
  p.rows = ceil_div(s.rows, p.parts);
  p.ranges = least(ceil_div(kTasks, p.products * p.parts),
                   2 * p.rows * p.vectors * kLanes * s.depth / kTaskFlops);
  p.ranges = most(p.ranges, ceil_div(p.rows * p.vectors * kLanes, kSumFloats));
  p.ranges = most(1, least(p.ranges, p.panels));
  return p;
}

bool fits(const MatMulShape&) {
  return true;
}

int64_t packed_floats(const MatMulShape& s, const Plan& p) {
  return ceil_div(p.vectors * kLanes * s.depth, 16) * 16;
}

int64_t turned_floats(const MatMulShape& s, const Plan& p) {
  return s.a_transposed ? ceil_div(p.products * s.rows * s.depth, 16) * 16 : 0;
}

Needs needs(const MatMulShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.shared_floats = p.packed * packed_floats(s, p) + turned_floats(s, p);
  needs.thread_floats = ceil_div((2 * ceil_div(p.panels, p.ranges) + 1) * p.rows * kLanes, 16) * 16;
  needs.phases = 2;
  needs.tasks[0] = p.packed * p.panels + (s.a_transposed ? p.products * p.parts : 0);
  needs.tasks[1] = p.products * p.parts * p.ranges;
  return needs;
}

void pack_panel(const MatMulShape& s, const Plan& p, const float* b, int64_t panel, float* packed) {
  const int64_t width = panel_vectors(p.vectors, panel) * kLanes, first = panel * 2 * kLanes;
  const int64_t used = least(width, s.columns - first);
  packed += first * s.depth;
  for (int64_t i = used; i < width; ++i) {
    for (int64_t k = 0; k < s.depth; ++k) packed[k * width + i] = 0;
  }
  if (s.transposed) {
    for (int64_t i = 0; i < used; ++i) {
      const float* row = b + (first + i) * s.depth;
      for (int64_t k = 0; k < s.depth; ++k) packed[k * width + i] = row[k] * s.scale;
    }
    return;
  }
  for (int64_t k = 0; k < s.depth; ++k) {
    const float* row = b + k * s.columns + first;
    for (int64_t i = 0; i < width; i += kLineFloats) {
      __builtin_prefetch(row + kRowsAhead * s.columns + i);
    }
    for (int64_t i = 0; i < used; ++i) packed[k * width + i] = row[i] * s.scale;
  }
}

// Rows first .. stop-1 of a matrix that is stored as [depth][rows].
void turn_rows(const MatMulShape& s, const float* a, int64_t first, int64_t stop, float* turned) {
  const int64_t whole = s.depth / kLanes * kLanes;
  int64_t i = first;
  for (; i + kLanes <= stop; i += kLanes) {
    for (int64_t k = 0; k < whole; k += kLanes) {
      Vector v[kLanes];
      STRIATE_UNROLL
      for (int j = 0; j < kLanes; ++j) v[j] = load_unaligned(a + (k + j) * s.rows + i);
      transpose(v);
      STRIATE_UNROLL
      for (int j = 0; j < kLanes; ++j) store_unaligned(turned + (i + j) * s.depth + k, v[j]);
    }
    for (int64_t k = whole; k < s.depth; ++k) {
      for (int64_t j = i; j < i + kLanes; ++j) turned[j * s.depth + k] = a[k * s.rows + j];
    }
  }
  for (; i < stop; ++i) {
    for (int64_t k = 0; k < s.depth; ++k) turned[i * s.depth + k] = a[k * s.rows + i];
  }
}

void multiply(const MatMulShape& s, const Plan& p, const float* a, const float* packed, float* y,
              int64_t part, int64_t range, float* scratch) {
  const int64_t first = cut(s.rows, p.parts, part);
  int64_t rows[kRows];
  DenseBlock t;
  t.run = cut(s.rows, p.parts, part + 1) - first;
  for (int64_t i = 0; i < t.run; ++i) rows[i] = i * s.depth;
  t.a = a + first * s.depth;
  t.pixel = rows;
  t.cells = false;
  t.runs = 1;
  t.c_run = 0;
  t.c_vector = t.run * kLanes;
  t.residual = nullptr;
  t.w = packed;
  t.bias = nullptr;
  t.vectors = p.vectors;
  t.depth_all = s.depth;
  t.first_panel = cut(p.panels, p.ranges, range);
  t.stop_panel = cut(p.panels, p.ranges, range + 1);
  t.c = scratch - 2 * t.first_panel * t.c_vector;
  dense_rows(t);
  const int64_t last = 2 * (t.stop_panel - 1) + panel_vectors(p.vectors, t.stop_panel - 1);
  for (int64_t i = 0; i < t.run; ++i) {
    float* row = y + (first + i) * s.columns;
    for (int64_t v = 2 * t.first_panel; v < last; ++v) {
      const Vector sum = load(t.c + v * t.c_vector + i * kLanes);
      const int64_t left = s.columns - v * kLanes;
      if (left >= kLanes) {
        store_unaligned(row + v * kLanes, sum);
      } else {
        store_first(row + v * kLanes, sum, left);
      }
    }
  }
}

// Of phase 0: a panel of b, or some rows of a.
void prepare(const MatMulShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t floats = packed_floats(s, p), panels = p.packed * p.panels;
  if (task < panels) {
    const int64_t n = task / p.panels;
    pack_panel(s, p, b.in[1] + s.place(s.b_strides, n), task % p.panels, b.shared + n * floats);
    return;
  }
  const int64_t n = (task - panels) / p.parts, part = (task - panels) % p.parts;
  turn_rows(s, b.in[0] + s.place(s.a_strides, n), cut(s.rows, p.parts, part),
            cut(s.rows, p.parts, part + 1), b.shared + p.packed * floats + n * s.rows * s.depth);
}

void run(const MatMulShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  const int64_t floats = packed_floats(s, p);
  for (int64_t task = first; task < stop; ++task) {
    if (phase == 0) {
      prepare(s, p, b, task);
      continue;
    }
    const int64_t part = task % p.parts, range = task / p.parts % p.ranges;
    const int64_t n = task / p.parts / p.ranges;
    const float* a = s.a_transposed ? b.shared + p.packed * floats + n * s.rows * s.depth
                                    : b.in[0] + s.place(s.a_strides, n);
    const float* packed = b.shared + (p.packed == 1 ? 0 : n) * floats;
    multiply(s, p, a, packed, b.out[0] + n * s.rows * s.columns, part, range, b.scratch);
  }
}

}  // namespace

extern const Kernel<MatMulShape> matmul_blocks;
const Kernel<MatMulShape> matmul_blocks = {"blocks", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
