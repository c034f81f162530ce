// Gradients of layer normalisation of plain rows: three passes over a row, of which the first
// brings it into the caches. The numbers of gw and gb are summed up row by row; a phase behind adds
// up the tasks' sums in their order.
//
//   shared: cells [task][gw | gb][channels, to whole vectors]
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "kernels/moments.hpp"
#include "norm_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 32768;  // numbers
constexpr int64_t kColumns = 64 * kLanes;

struct Split {
  int64_t rows, tasks, line;  // of a task; floats of half a cell
};

Split split_of(const NormGradientShape& s) {
  Split split;
  split.rows = most(8, kTask / s.channels);
  split.tasks = ceil_div(s.batch, split.rows);
  split.line = ceil_div(s.channels, kLanes) * kLanes;
  return split;
}

bool fits(const NormGradientShape& s) {
  return s.mode == NormGradientMode::layer && s.plain;
}

Needs needs(const NormGradientShape& s, int) {
  const Split split = split_of(s);
  Needs needs;
  needs.shared_floats = ceil_div(split.tasks * 2 * split.line, 16) * 16;
  needs.phases = 2;
  needs.tasks[0] = split.tasks;
  needs.tasks[1] = ceil_div(s.channels, kColumns);
  return needs;
}

// A row's vectors in turn: f(place, lanes that hold numbers).
template <typename Function>
STRIATE_INLINE void each_vector(int64_t channels, Function f) {
  int64_t i = 0;
  for (; i + kLanes <= channels; i += kLanes) f(i, static_cast<int64_t>(kLanes));
  if (i < channels) f(i, channels - i);
}

STRIATE_INLINE Vector some(const float* p, int64_t count) {
  return count == kLanes ? load_unaligned(p) : load_first(p, count);
}

struct Row {
  const float *gy, *x, *weight;
  float* gx;
};

void run_row(const NormGradientShape& s, const Row& row, float* gw, float* gb) {
  const float share = 1.0f / static_cast<float>(s.channels);
  Vector sum{}, square{}, gradient{}, product{};
  if (!s.rms) {
    each_vector(s.channels,
                [&](int64_t i, int64_t count) STRIATE_LAMBDA { sum += some(row.x + i, count); });
  }
  const Vector mean = broadcast(sum_of_lanes(sum) * share);
  sum = Vector{};
  each_vector(s.channels, [&](int64_t i, int64_t count) STRIATE_LAMBDA {
    const Vector d = masked(first_lanes(count), some(row.x + i, count) - mean);
    Vector g = some(row.gy + i, count);
    if (s.weight) g *= some(row.weight + i, count);
    sum += d;
    square += d * d;
    gradient += g;
    product += g * d;
  });
  const float rest = s.rms ? 0 : sum_of_lanes(sum) * share;
  const float variance = sum_of_lanes(square) * share - rest * rest;
  const float scale = 1.0f / __builtin_sqrtf(variance + s.eps);
  const float mean_g = sum_of_lanes(gradient) * share;
  const float slope = -(sum_of_lanes(product) * share - mean_g * rest) * scale * scale;
  const float offset = s.rms ? 0 : -mean_g * scale;
  each_vector(s.channels, [&](int64_t i, int64_t count) STRIATE_LAMBDA {
    const Vector d = masked(first_lanes(count), some(row.x + i, count) - mean);
    const Vector n = (d - broadcast(rest)) * scale, g = some(row.gy + i, count);
    store(gw + i, load(gw + i) + g * n);
    store(gb + i, load(gb + i) + g);
    if (!s.input) return;
    const Vector weighted = s.weight ? g * some(row.weight + i, count) : g;
    const Vector gx = weighted * scale + n * slope + offset;
    if (count == kLanes) {
      store_unaligned(row.gx + i, gx);
    } else {
      store_first(row.gx + i, gx, count);
    }
  });
}

void run_rows(const NormGradientShape& s, const Buffers& b, const Split& split, int64_t task) {
  float *gw = b.shared + task * 2 * split.line, *gb = gw + split.line;
  for (int64_t i = 0; i < 2 * split.line; ++i) gw[i] = 0;
  for (int64_t n = task * split.rows; n < least(s.batch, (task + 1) * split.rows); ++n) {
    float* gx = s.input ? b.out[0] + n * s.gx_batch_stride : nullptr;
    const Row row = {b.in[0] + n * s.gy_batch_stride, b.in[1] + n * s.x_batch_stride, b.in[2], gx};
    run_row(s, row, gw, gb);
  }
}

// Of columns first .. stop - 1.
void put_together(const Split& split, const float* cells, int64_t first, int64_t stop,
                  float* sums) {
  for (int64_t i = first; i < stop; ++i) {
    double sum = 0;
    for (int64_t task = 0; task < split.tasks; ++task) sum += cells[task * 2 * split.line + i];
    sums[i] = static_cast<float>(sum);
  }
}

void run(const NormGradientShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Split split = split_of(s);
  for (int64_t task = first; task < stop; ++task) {
    if (phase == 0) {
      run_rows(s, b, split, task);
      continue;
    }
    const int64_t from = task * kColumns, to = least(s.channels, from + kColumns);
    put_together(split, b.shared, from, to, b.out[1]);
    put_together(split, b.shared + split.line, from, to, b.out[2]);
  }
}

}  // namespace

extern const Kernel<NormGradientShape> norm_gradient_plain;
const Kernel<NormGradientShape> norm_gradient_plain = {"plain", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
