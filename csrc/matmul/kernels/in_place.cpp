// Products of matrices that are read where they lie, where b has few rows.
//
//   y[i][j .. j+L-1] = sum over k of a[i][k] * b[k][j .. j+L-1]
//
// A task has some panels of two vectors of columns (an odd number's last panel three) by a part of
// the rows. Beside a panel, whose rows of b stay in L1, go tiles of some rows: their sums are in
// registers, and stored once. The last vector ends where the columns do, and of its lanes those are
// stored that the vector before does not have. Where rows of b lie so far apart that they would not
// stay in L1, the task copies its panel.
#include "conv/kernels/panels.hpp"
#include "kernels/fetch.hpp"
#include "kernels/lanes.hpp"
#include "kernels/multiply_add.hpp"
#include "matmul/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int kMostVectors = 3;
constexpr int kMostRows = kTilePixels;        // of a tile beside two vectors
constexpr int64_t kMostDepth = 256;           // a panel of b is two thirds of L1 on 16 lanes
constexpr int64_t kTasks = 16;                // so that several threads share them evenly
constexpr int64_t kTaskFlops = 500'000;       // 3 to 10 us
constexpr int64_t kSets = 64, kSetLines = 6;  // of L1; lines of a set that b may take

constexpr int rows_of(int vectors) {
  return vectors == 3 ? 2 * kMostRows / 3 : kMostRows;
}

struct Plan {
  int64_t vectors, panels;  // of columns
  int64_t ranges, parts;    // of panels, of rows: tasks of a product
};

Plan plan(const MatMulShape& s) {
  Plan p;
  p.vectors = ceil_div(s.columns, kLanes);
  p.panels = panels_of(p.vectors);
  const int64_t flops = 2 * s.rows * p.vectors * kLanes * s.depth;
  const int64_t tasks = most(1, least(ceil_div(kTasks, s.products()), flops / kTaskFlops));
  p.ranges = least(tasks, p.panels);
  p.parts = least(ceil_div(tasks, p.ranges), ceil_div(s.rows, kMostRows));
  return p;
}

// Whether L1 holds a panel: rows of b a power of two apart meet in few of its sets.
bool stays_in_l1(const MatMulShape& s) {
  if (s.columns % kLineFloats != 0) return true;
  int64_t sets = kSets;
  for (int64_t apart = s.columns / kLineFloats; sets > 1 && apart % 2 == 0; apart /= 2) sets /= 2;
  return ceil_div(s.depth, sets) <= kSetLines;
}

bool copies(const MatMulShape& s) {
  return s.rows > 2 * kMostRows && !stays_in_l1(s);
}

bool fits(const MatMulShape& s) {
  return !s.transposed && s.columns >= kLanes && s.depth <= kMostDepth;
}

Needs needs(const MatMulShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.tasks[0] = s.products() * p.ranges * p.parts;
  if (copies(s)) needs.thread_floats = ceil_div(s.depth * kMostVectors * kLanes, 16) * 16;
  return needs;
}

// The last `count` lanes, where they would go if all were stored.
STRIATE_INLINE void store_last(float* p, Vector v, int64_t count) {
  alignas(64) float lanes[kLanes];
  store(lanes, v);
  for (int64_t i = kLanes - count; i < kLanes; ++i) p[i] = lanes[i];
}

struct Tile {
  const float *a, *b;
  float* y;
  int64_t depth;
  int64_t a_row, a_step, b_row, y_row;  // floats from row to row; of a also from k to k
  int64_t b_last, last;                 // where the last vector begins, of b and of y
  int64_t stored;                       // its lanes that are stored
  Vector scale;
};

// kTurned: a is stored as [k][row].
template <int NV, int NP, bool kTurned>
static void multiply(const Tile& t) {
  Vector sum[NV][NP];
  STRIATE_UNROLL
  for (int i = 0; i < NV * NP; ++i) sum[i / NP][i % NP] = Vector{};
  const float* at[kTurned ? 1 : NP];
  STRIATE_UNROLL
  for (int p = 0; p < (kTurned ? 1 : NP); ++p) at[p] = t.a + p * t.a_row;
  const float *b = t.b, *b_last = t.b + t.b_last;
  const int64_t depth = t.depth, b_row = t.b_row, a_step = t.a_step;
  for (int64_t k = 0; k < depth; ++k, b += b_row, b_last += b_row) {
    asm volatile("" ::: "memory");  // GCC would load what the next step reads, and spill it
    Vector v[NV];
    STRIATE_UNROLL
    for (int i = 0; i < NV; ++i) v[i] = load_unaligned(i == NV - 1 ? b_last : b + i * kLanes);
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) {
      const Vector x = broadcast(kTurned ? at[0][p] : at[kTurned ? 0 : p][k]);
      STRIATE_UNROLL
      for (int i = 0; i < NV; ++i) multiply_add(sum[i][p], v[i], x);
    }
    if constexpr (kTurned) at[0] += a_step;
  }
  float* y = t.y;
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p, y += t.y_row) {
    STRIATE_UNROLL
    for (int i = 0; i < NV - 1; ++i) store_unaligned(y + i * kLanes, sum[i][p] * t.scale);
    const Vector end = sum[NV - 1][p] * t.scale;
    if (t.stored == kLanes) {
      store_unaligned(y + t.last, end);
    } else {
      store_last(y + t.last, end, t.stored);
    }
  }
}

typedef void (*Multiply)(const Tile&);

struct MultiplyTable {
  Multiply of[2][kMostVectors][kMostRows] = {};  // [a is turned][vectors - 1][rows - 1]
};

template <int NV, int NP, bool kTurned>
constexpr void fill(MultiplyTable& table) {
  table.of[kTurned][NV - 1][NP - 1] = multiply<NV, NP, kTurned>;
  if constexpr (NP > 1) {
    fill<NV, NP - 1, kTurned>(table);
  } else if constexpr (NV > 1) {
    fill<NV - 1, rows_of(NV - 1), kTurned>(table);
  }
}

constexpr MultiplyTable multiply_table() {
  MultiplyTable table;
  fill<kMostVectors, rows_of(kMostVectors), false>(table);
  fill<kMostVectors, rows_of(kMostVectors), true>(table);
  return table;
}

constexpr MultiplyTable kMultiply = multiply_table();

// The tile's columns of b, vector by vector, to `to`.
void copy_panel(int64_t vectors, float* to, Tile& t) {
  const float* row = t.b;
  const int64_t width = vectors * kLanes;
  for (int64_t k = 0; k < t.depth; ++k, row += t.b_row) {
    for (int64_t v = 0; v < vectors; ++v) {
      store(to + k * width + v * kLanes,
            load_unaligned(row + (v == vectors - 1 ? t.last : v * kLanes)));
    }
  }
  t.b = to;
  t.b_row = width;
  t.b_last = width - kLanes;
}

// Rows first .. stop - 1 beside a panel. `t` has the matrices.
void multiply_panel(const MatMulShape& s, const Plan& p, const Tile& t, int64_t panel,
                    int64_t first, int64_t stop, float* scratch) {
  const int64_t vectors = panel_vectors(p.vectors, panel), column = 2 * panel * kLanes;
  const int64_t left = s.columns - column;
  Tile tile = t;
  tile.b += column;
  tile.last = tile.b_last = least(vectors * kLanes, left) - kLanes;
  if (copies(s)) copy_panel(vectors, scratch, tile);
  tile.stored = least(kLanes, left - (vectors - 1) * kLanes);
  const int64_t tiles = ceil_div(stop - first, rows_of(vectors));
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t row = first + cut(stop - first, tiles, i);
    const int64_t rows = first + cut(stop - first, tiles, i + 1) - row;
    tile.a = t.a + row * t.a_row;
    tile.y = t.y + row * t.y_row + column;
    kMultiply.of[s.a_transposed][vectors - 1][rows - 1](tile);
  }
}

void run(const MatMulShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  Tile t;
  t.depth = s.depth;
  t.a_row = s.a_transposed ? 1 : s.depth;
  t.a_step = s.a_transposed ? s.rows : 1;
  t.b_row = t.y_row = s.columns;
  t.scale = broadcast(s.scale);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t part = task % p.parts, range = task / p.parts % p.ranges;
    const int64_t n = task / p.parts / p.ranges;
    t.a = b.in[0] + s.place(s.a_strides, n);
    t.b = b.in[1] + s.place(s.b_strides, n);
    t.y = b.out[0] + n * s.rows * s.columns;
    const int64_t stop_panel = cut(p.panels, p.ranges, range + 1);
    for (int64_t panel = cut(p.panels, p.ranges, range); panel < stop_panel; ++panel) {
      multiply_panel(s, p, t, panel, cut(s.rows, p.parts, part), cut(s.rows, p.parts, part + 1),
                     b.scratch);
    }
  }
}

}  // namespace

extern const Kernel<MatMulShape> matmul_in_place;
const Kernel<MatMulShape> matmul_in_place = {"in_place", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
