// Winograd's transforms of tiles: where they lie, B' x B of their inputs, f(A' Q A) to the outputs.
// winograd.hpp draws V and Q; the transforms of a line are those of winograd_lines.hpp.
#pragma once

#include "conv/kernels/winograd_edges.hpp"
#include "kernels/activate.hpp"
#include "kernels/joined.hpp"

namespace striate::STRIATE_TARGET {

// Inputs outside the map.
alignas(64) static const float kNoInputs[kLanes] = {};

// First output and input of tile `at`, and how many of its outputs there are.
STRIATE_INLINE void locate_tile(const WinogradAxis& a, int64_t at, int64_t* place, int64_t* input,
                                int64_t* outputs) {
  const bool dense = a.dilation == 1;  // then nothing is divided: that takes as long as a transform
  const int64_t line = dense ? 0 : at / a.runs;  // of the interleaved ones
  *place = line + (at - line * a.runs) * a.width * a.dilation;
  *input = *place * a.stride - a.padding;
  const int64_t left = a.out - *place;
  *outputs = least(a.width, dense ? left : most(0, ceil_div(left, a.dilation)));
}

static void locate_tiles(const ConvShape& s, const WinogradPlan& w, WinogradRange range,
                         WinogradTile* tiles) {
  const int64_t x_down = w.down.x_step / w.down.dilation;  // floats from place to place
  const int64_t y_down = w.down.y_step / w.down.dilation;
  const int64_t y_across = w.across.y_step / w.across.dilation;
  int64_t across = range.first % w.across.tiles, rest = range.first / w.across.tiles;
  int64_t down = rest % w.down.tiles;
  rest /= w.down.tiles;
  int64_t outer = rest % w.outer, n = rest / w.outer;
  for (WinogradTile* at = tiles; at < tiles + range.count(); ++at) {
    WinogradTile& t = *at;
    int64_t place_down, place_across;
    locate_tile(w.across, across, &place_across, &t.across, &t.out_across);
    locate_tile(w.down, down, &place_down, &t.down, &t.out_down);
    t.x = n * s.x_batch_stride + outer * w.outer_x + t.down * x_down + t.across * kLanes;
    const int64_t down_y = (place_down >> w.pool) * y_down;  // a tile is an even number of outputs
    const int64_t across_y = (place_across >> w.pool) * y_across;
    const int64_t y = w.y_start + outer * w.outer_y + down_y + across_y;
    t.y = n * s.y_batch_stride + y;
    t.residual = n * s.residual_batch_stride + y;
    t.inside = t.down >= 0 && t.down + w.down.reach < w.down.in && t.across >= 0 &&
               t.across + w.across.reach < w.across.in && w.across.x_step == kLanes &&
               !short_down(w, t) && !short_across(w, t);
    if (++across < w.across.tiles) continue;
    across = 0;
    if (++down < w.down.tiles) continue;
    down = 0;
    if (++outer < w.outer) continue;
    outer = 0;
    ++n;
  }
}

// The transforms go by rows of their results: a few columns' sums stay in registers, where all of
// them would go through memory. Reading an input up to three times costs less: in L1, F(4x4) takes
// 29 ns for 41, its outputs 25 for 29, those of F(6x6) 58 for 71 (Zen 3). Of 8x8 inputs the sums of
// two rows are too many already: their transform goes by columns, and writes all sums (70 ns).

// GCC computes all addresses of a tile ahead and keeps them in memory, unless it cannot see what
// they are made of. (The offset is hidden, not the pointer: what that points to must be known.)
STRIATE_INLINE int64_t hidden(int64_t offset) {
  asm("" : "+r"(offset));
  return offset;
}

// Where vector i of some `step` apart lies, from the first and the fourth of them: 1, 2 and 4 steps
// are part of an instruction's address.
template <typename T>
STRIATE_INLINE T* step_to(T* p, T* p3, int i, int64_t step) {
  return i < 3 || i == 4 ? p + i * step : p3 + (i - 3) * step;
}

template <int A>
STRIATE_INLINE void load_steps(const float* p, int64_t step, Vector (&r)[A]) {
  const float* p3 = p + hidden(3 * step);
  STRIATE_UNROLL
  for (int i = 0; i < A; ++i) r[i] = load(step_to(p, p3, i, step));
}

template <int A>
STRIATE_INLINE void store_steps(float* p, int64_t step, const Vector (&r)[A]) {
  float* p3 = p + hidden(3 * step);
  STRIATE_UNROLL
  for (int i = 0; i < A; ++i) store(step_to(p, p3, i, step), r[i]);
}

// A row of B' x, transformed. kRow makes it of a column of x.
template <auto kRow, int A>
STRIATE_INLINE void input_row(const float* const (&x)[A], Vector (&r)[A]) {
  Vector half[A];
  STRIATE_UNROLL
  for (int j = 0; j < A; ++j) {
    Vector d[A];
    STRIATE_UNROLL
    for (int i = 0; i < A; ++i) d[i] = load(x[i] + j * kLanes);
    half[j] = kRow(d);
  }
  input_line(half, r);
}

// The rows of V of all pairs of points, from K on.
template <int K, int A>
STRIATE_INLINE void input_pairs(const float* const (&x)[A], float* v, int64_t stride) {
  using Rows = InputRows<A>;
  Vector even[A], odd[A], r[A];
  input_row<Rows::template even<K>>(x, even);
  input_row<Rows::template odd<K>>(x, odd);
  STRIATE_UNROLL
  for (int j = 0; j < A; ++j) r[j] = even[j] + Rows::kPoints[K] * odd[j];
  store_steps(v, stride, r);
  STRIATE_UNROLL
  for (int j = 0; j < A; ++j) r[j] = even[j] - Rows::kPoints[K] * odd[j];
  v += hidden(A * stride);
  store_steps(v, stride, r);
  if constexpr (K + 1 < A / 2 - 1) input_pairs<K + 1>(x, v + hidden(A * stride), stride);
}

template <int A>
STRIATE_INLINE void input_by_rows(const float* const (&x)[A], float* v, int64_t stride) {
  Vector r[A];
  input_row<InputRows<A>::first>(x, r);
  store_steps(v, stride, r);
  v += hidden(A * stride);
  input_pairs<0>(x, v, stride);
  input_row<InputRows<A>::last>(x, r);
  store_steps(v + (A - 2) * A * stride, stride, r);
}

template <int A>
STRIATE_INLINE void input_by_columns(const float* const (&x)[A], float* v, int64_t stride) {
  Vector half[A][A], d[A], r[A];
  for (int j = 0; j < A; ++j) {
    STRIATE_UNROLL
    for (int i = 0; i < A; ++i) d[i] = load(x[i] + j * kLanes);
    input_line(d, r);
    STRIATE_UNROLL
    for (int i = 0; i < A; ++i) half[i][j] = r[i];
  }
  for (int i = 0; i < A; ++i, v += A * stride) {
    input_line(half[i], r);
    store_steps(v, stride, r);
  }
}

// A tile's inputs side by side, zeros outside of the map.
template <int A, int kColumns>
STRIATE_INLINE void copy_inputs(const WinogradPlan& w, const WinogradTile& t, const float* x,
                                float* to) {
  const float* row[A];
  int64_t step[A];
  STRIATE_UNROLL
  for (int i = 0; i < A; ++i) {
    const int64_t at = t.down + i * w.down.dilation;
    const bool real = at >= 0 && at < w.down.in;
    row[i] = real ? x + i * w.down.x_step : kNoInputs;
    step[i] = real ? w.across.x_step : 0;
  }
  for (int j = 0; j < kColumns; ++j, to += kLanes) {
    const int64_t at = t.across + j * w.across.dilation;
    if (at >= 0 && at < w.across.in) {
      STRIATE_UNROLL
      for (int i = 0; i < A; ++i) store(to + i * kColumns * kLanes, load(row[i] + j * step[i]));
    } else {
      STRIATE_UNROLL
      for (int i = 0; i < A; ++i) store(to + i * kColumns * kLanes, Vector{});
    }
  }
}

// B' x B of one tile and block of channels, to v + product * stride.
template <int M, int R, bool kPlane>
STRIATE_INLINE void transform_input(const WinogradPlan& w, const WinogradTile& t, const float* x,
                                    float* v, int64_t stride) {
  constexpr int A = M + R - 1, kColumns = kPlane ? A : 1;
  alignas(64) float copy[A * kColumns * kLanes];
  int64_t down = w.down.x_step;
  x += t.x;
  if (__builtin_expect(!t.inside, 0)) {
    copy_inputs<A, kColumns>(w, t, x, copy);
    extend_inputs<A, kColumns>(w, t, copy);
    x = copy;
    down = kColumns * kLanes;
  }
  if constexpr (!kPlane) {
    Vector d[A], r[A];
    load_steps(x, down, d);
    input_line(d, r);
    store_steps(v, stride, r);
  } else {
    const float* rows[A];
    STRIATE_UNROLL
    for (int i = 0; i < A; ++i) rows[i] = x + hidden(i * down);
    if constexpr (A < 8) {
      input_by_rows(rows, v, stride);
    } else {
      input_by_columns(rows, v, stride);
    }
  }
}

// What is done to the outputs of a block of channels: f(y + bias + residual).
struct WinogradEnd {
  float* y;
  const float* residual;  // null: none
  Vector bias, low, high;
  bool other;  // an activation that is no clamp follows
};

// Outputs side by side, to y.
template <int kWide>
STRIATE_INLINE void store_outputs(const WinogradEnd& end, Vector (&r)[kWide], const float* residual,
                                  float* y) {
  STRIATE_UNROLL
  for (int j = 0; j < kWide; ++j) r[j] += end.bias;
  if (residual != nullptr) {
    STRIATE_UNROLL
    for (int j = 0; j < kWide; ++j) r[j] += load(residual + j * kLanes);
  }
  STRIATE_UNROLL
  for (int j = 0; j < kWide; ++j) store(y + j * kLanes, min(end.high, max(end.low, r[j])));
}

// The even or the odd rows of A' Q.
template <int M, bool kOdd, int A>
STRIATE_INLINE void half_outputs(const float* q, int64_t stride, Vector (&half)[M / 2][A]) {
  STRIATE_UNROLL
  for (int j = 0; j < A; ++j) {
    Vector d[A], r[M / 2];
    load_steps(q, A * stride, d);
    output_terms<M, kOdd>(d, r);
    STRIATE_UNROLL
    for (int i = 0; i < M / 2; ++i) half[i][j] = r[i];
    q += hidden(stride);
  }
}

// The even or the odd rows of a tile's outputs, `down` apart.
template <int M, bool kOdd, int A>
STRIATE_INLINE void output_rows(const float* q, int64_t stride, const WinogradEnd& end,
                                const float* residual, float* y, int64_t down) {
  Vector half[M / 2][A];
  half_outputs<M, kOdd>(q, stride, half);
  STRIATE_UNROLL
  for (int i = 0; i < M / 2; ++i) {
    Vector r[M];
    output_line<M>(half[i], r);
    store_outputs(end, r, residual, y);
    if (residual != nullptr) residual += hidden(down);
    y += hidden(down);
  }
}

// The larger of each two outputs side by side, of the even or the odd rows.
template <int M, bool kOdd, int A>
STRIATE_INLINE void pooled_rows(const float* q, int64_t stride, Vector (&pooled)[M / 2][M / 2]) {
  Vector half[M / 2][A];
  half_outputs<M, kOdd>(q, stride, half);
  STRIATE_UNROLL
  for (int i = 0; i < M / 2; ++i) {
    Vector r[M];
    output_line<M>(half[i], r);
    STRIATE_UNROLL
    for (int j = 0; j < M / 2; ++j) pooled[i][j] = largest(r[2 * j], r[2 * j + 1]);
  }
}

// f(the largest of 2x2 of A' Q A + bias) of one tile and block of channels: of its real outputs.
template <int M, int R>
STRIATE_INLINE void transform_pooled(const ConvShape& s, const WinogradPlan& w,
                                     const WinogradTile& t, const float* q, int64_t stride,
                                     const WinogradEnd& end, float* y) {
  constexpr int A = M + R - 1, kHalf = M / 2;
  alignas(64) float made[kHalf * kHalf * kLanes];
  Vector pooled[kHalf][kHalf], other[kHalf][kHalf];
  pooled_rows<M, false, A>(q, stride, pooled);
  STRIATE_UNROLL
  for (int i = 0; i < kHalf * kHalf; ++i) store(made + i * kLanes, pooled[i / kHalf][i % kHalf]);
  pooled_rows<M, true, A>(q, stride, other);
  const int64_t rows = t.out_down / 2, columns = t.out_across / 2;
  STRIATE_UNROLL
  for (int i = 0; i < kHalf; ++i) {
    STRIATE_UNROLL
    for (int j = 0; j < kHalf; ++j) {
      const Vector sum = largest(load(made + (i * kHalf + j) * kLanes), other[i][j]) + end.bias;
      const Vector result = min(end.high, max(end.low, sum));
      if (i < rows && j < columns) store(y + i * w.down.y_step + j * kLanes, result);
    }
  }
  for (int64_t i = 0; end.other && i < rows; ++i) {
    activate(s.activation, y + i * w.down.y_step, y + i * w.down.y_step, columns * kLanes);
  }
}

// f of `count` cells of y, `step` floats apart.
static void activate_cells(const ActivationSpec& f, float* y, int64_t step, int64_t count) {
  if (step == kLanes) {
    activate(f, y, y, count * kLanes);
  } else {
    for (int64_t i = 0; i < count; ++i) activate(f, y + i * step, y + i * step, kLanes);
  }
}

// f(A' Q A + bias + residual) of one tile and block of channels. Where some of its outputs lie
// outside of the map, or apart, they are made beside it.
template <int M, int R, bool kPlane>
STRIATE_INLINE void transform_output(const ConvShape& s, const WinogradPlan& w,
                                     const WinogradTile& t, const float* q, int64_t stride,
                                     const WinogradEnd& end, int64_t cell) {
  constexpr int A = M + R - 1, kWide = kPlane ? M : 1;
  alignas(64) float made[M * kWide * kLanes], added[M * kWide * kLanes];
  const int64_t across = w.across.y_step;
  int64_t down = w.down.y_step;
  float* y = end.y + cell + t.y;
  if constexpr (kPlane) {
    if (w.pool) {
      transform_pooled<M, R>(s, w, t, q, stride, end, y);
      return;
    }
  }
  float* to = y;
  const float* residual = end.residual != nullptr ? end.residual + cell + t.residual : nullptr;
  const bool apart = t.out_down < M || t.out_across < kWide || (kPlane && across != kLanes);
  if (__builtin_expect(apart, 0)) {
    to = made;
    down = kWide * kLanes;
    if (residual != nullptr) {
      for (int i = 0; i < M; ++i) {
        STRIATE_UNROLL
        for (int j = 0; j < kWide; ++j) {
          const bool there = i < t.out_down && j < t.out_across;
          const float* from = there ? residual + i * w.down.y_step + j * across : kNoInputs;
          store(added + (i * kWide + j) * kLanes, load(from));
        }
      }
      residual = added;
    }
  }
  if constexpr (kPlane) {
    output_rows<M, false, A>(q, stride, end, residual, to, 2 * down);
    output_rows<M, true, A>(q, stride, end, residual != nullptr ? residual + down : nullptr,
                            to + down, 2 * down);
  } else {
    Vector d[A], r[M];
    load_steps(q, stride, d);
    output_line<M>(d, r);
    STRIATE_UNROLL
    for (int i = 0; i < M; ++i) {
      Vector one[1] = {r[i]};
      store_outputs(end, one, residual != nullptr ? residual + i * down : nullptr, to + i * down);
    }
  }
  if (__builtin_expect(apart, 0)) {
    for (int64_t i = 0; i < t.out_down; ++i) {
      for (int64_t j = 0; j < t.out_across; ++j) {
        store(y + i * w.down.y_step + j * across, load(made + (i * kWide + j) * kLanes));
      }
    }
  }
  if (end.other) {
    for (int64_t i = 0; i < t.out_down; ++i) {
      activate_cells(s.activation, y + i * w.down.y_step, across, t.out_across);
    }
  }
}

}  // namespace striate::STRIATE_TARGET
