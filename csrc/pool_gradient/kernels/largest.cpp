// Gradients of maxima, a row of windows at a time, window by window:
//
//   wins   = x[j] is y[i], and no pixel of window i before j was
//   gx[j] += gy[i] where it wins
//
// A task owns rows of gx and goes through the windows that read one of them, in order; what these
// give to rows of others goes to a row that nobody reads. So windows that overlap add up in the
// same order whoever does it. Where none do, gx is stored and not added to. No index is kept:
// finding the winner again reads x, which costs less than int64 indices as torch writes and reads
// them.
#include "kernels/lanes.hpp"
#include "pool/kernels/reads.hpp"
#include "pool_gradient/kernels/split.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const PoolGradientShape& s) {
  return !s.pool.average;
}

Needs needs(const PoolGradientShape& s, int) {
  Needs needs;
  needs.thread_floats = ceil_div(s.pool.in[2] * kLanes, 16) * 16;
  needs.tasks[0] = split_of(s.pool).tasks();
  return needs;
}

// A row of windows: which rows of pixels it reads, and what it gives.
struct Line {
  Reads planes, rows;
  const float *y, *gy;
  float* nobody;
};

// kNan: y may be one, which is the first NaN then. kOverlap: another window may have given to gx.
template <bool kNan, bool kOverlap>
STRIATE_INLINE void give(const float* from, float* gx, Vector y, Vector gy, IntVector& taken) {
  const Vector x = load(from);
  IntVector wins = x == y;
  if constexpr (kNan) wins |= (x != x) & (y != y);
  wins &= ~taken;
  taken |= wins;
  const Vector share = masked(wins, gy);
  store(gx, kOverlap ? load(gx) + share : share);
}

// Window i, of any size.
template <bool kNan, bool kOverlap>
void give_window(const PoolShape& s, const Part& part, const Line& line, int64_t i,
                 const Reads& columns) {
  const Vector y = load(line.y + i * kLanes), gy = load(line.gy + i * kLanes);
  const int64_t width = s.in[2] * kLanes;
  IntVector taken{};
  for (int64_t d = line.planes.first; d < line.planes.stop; d += line.planes.step) {
    for (int64_t h = line.rows.first; h < line.rows.stop; h += line.rows.step) {
      const int64_t row = d * s.in[1] + h;
      if (row >= part.stop) return;
      const float* x = part.x + row * width;
      float* gx = row >= part.first ? part.gx + row * width : line.nobody;
      for (int64_t j = columns.first; j < columns.stop; j += columns.step) {
        give<kNan, kOverlap>(x + j * kLanes, gx + j * kLanes, y, gy, taken);
      }
    }
  }
}

// What a row of small windows of an image looks at: up to three rows, from the first window on.
struct Rows {
  const float* x[3];
  float* gx[3];
  int count;
};

Rows rows_of(const PoolShape& s, const Part& part, const Line& line, int64_t column) {
  const int64_t row = line.planes.first * s.in[1] + line.rows.first, width = s.in[2] * kLanes;
  Rows rows{{}, {}, static_cast<int>(least(line.rows.stop - line.rows.first, part.stop - row))};
  for (int r = 0; r < rows.count; ++r) {
    rows.x[r] = part.x + (row + r) * width + column * kLanes;
    rows.gx[r] = (row + r >= part.first ? part.gx + (row + r) * width : line.nobody);
    rows.gx[r] += column * kLanes;
  }
  return rows;
}

// `count` windows of kRows x kColumns pixels, the first at the start of the rows.
template <bool kOverlap, int kRows, int kColumns>
void give_run(const Rows& rows, const float* y, const float* gy, int64_t count, int64_t stride) {
  for (int64_t i = 0, j = 0; i < count; ++i, j += stride * kLanes) {
    const Vector winner = load(y + i * kLanes), share = load(gy + i * kLanes);
    IntVector taken{};
    STRIATE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      STRIATE_UNROLL
      for (int k = 0; k < kColumns * kLanes; k += kLanes) {
        give<false, kOverlap>(rows.x[r] + j + k, rows.gx[r] + j + k, winner, share, taken);
      }
    }
  }
}

typedef void (*Run)(const Rows&, const float*, const float*, int64_t, int64_t);

template <bool kOverlap>
Run run_of(int rows, int64_t columns) {
  if (columns == 2) {
    return rows == 1 ? give_run<kOverlap, 1, 2> : give_run<kOverlap, 2, 2>;
  }
  return rows == 1   ? give_run<kOverlap, 1, 3>
         : rows == 2 ? give_run<kOverlap, 2, 3>
                     : give_run<kOverlap, 3, 3>;
}

// Whether windows inside the row of pixels are of 2x2 or up to 3x3 of them, side by side.
bool is_small(const PoolShape& s, const Line& line) {
  const int64_t k = s.kernel[2];
  return !s.adaptive && (k == 2 || k == 3) && s.dilation[2] == 1 && line.rows.step == 1 &&
         line.rows.stop - line.rows.first <= k && line.planes.stop - line.planes.first <= 1;
}

template <bool kNan, bool kOverlap>
void give_line(const PoolShape& s, const Part& part, const Line& line) {
  const int64_t last = !kNan && is_small(s, line) ? last_inside(s, 2) : -1;
  for (int64_t i = 0; i < s.out[2]; ++i) {
    const Reads columns = reads_of(s, 2, i);
    if (i > last || columns.stop - columns.first != s.kernel[2]) {
      give_window<kNan, kOverlap>(s, part, line, i, columns);
      continue;
    }
    const Rows rows = rows_of(s, part, line, columns.first);
    const Run run = run_of<kOverlap>(rows.count, s.kernel[2]);
    run(rows, line.y + i * kLanes, line.gy + i * kLanes, last + 1 - i, s.stride[2]);
    i = last;
  }
}

bool overlap(const PoolShape& s) {
  for (int axis = 0; axis < 3; ++axis) {
    const bool tiles = s.adaptive ? s.in[axis] % s.out[axis] == 0
                                  : s.kernel[axis] <= s.stride[axis] && s.dilation[axis] == 1;
    if (!tiles) return true;
  }
  return false;
}

bool any_nan(const float* y, int64_t floats) {
  IntVector found{};
  for (int64_t i = 0; i < floats; i += kLanes) found |= load(y + i) != load(y + i);
  int32_t any = 0;
  for (int lane = 0; lane < kLanes; ++lane) any |= found[lane];
  return any != 0;
}

void give_row(const PoolShape& s, const Part& part, const Line& line, bool overlaps) {
  const bool nan = any_nan(line.y, s.out[2] * kLanes);
  const auto give = nan        ? overlaps ? give_line<true, true> : give_line<true, false>
                    : overlaps ? give_line<false, true>
                               : give_line<false, false>;
  give(s, part, line);
}

// Ask for what the next row of windows reads and writes: so many short streams the processor does
// not foresee by itself (2x2/2 of 32x64@32, 8 MB: 1.2 ms instead of 1.8).
void prefetch_rows(const PoolShape& s, const Part& part, int64_t row) {
  const int64_t stop = least(row + s.stride[1], part.stop) * s.in[2] * kLanes;
  for (int64_t i = row * s.in[2] * kLanes; i < stop; i += 16) {
    __builtin_prefetch(part.x + i);
    __builtin_prefetch(part.gx + i, 1);
  }
}

void clear(float* y, int64_t floats) {
  for (int64_t i = 0; i < floats; i += kLanes) store(y + i, Vector{});
}

void run(const PoolGradientShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const PoolShape& p = s.pool;
  const bool overlaps = overlap(p);
  const int64_t width = p.in[2] * kLanes;
  clear(b.scratch, width);
  each_part(s, b, first, stop, [&](const Part& part) STRIATE_LAMBDA {
    int64_t cleared = part.first, place = 0;  // rows of gx before it are 0, or have been given to
    const auto clear_to = [&](int64_t row) STRIATE_LAMBDA {
      if (row > cleared) clear(part.gx + cleared * width, (row - cleared) * width);
      cleared = most(row, cleared);
    };
    for (int64_t d = 0; d < p.out[0]; ++d) {
      const Reads planes = reads_of(p, 0, d);
      for (int64_t h = 0; h < p.out[1]; ++h, ++place) {
        const Reads rows = reads_of(p, 1, h);
        if (planes.first >= planes.stop || rows.first >= rows.stop) continue;
        const int64_t from = planes.first * p.in[1] + rows.first;
        const int64_t to = (planes.stop - planes.step) * p.in[1] + rows.stop - rows.step;
        if (from >= part.stop || to < part.first) continue;
        clear_to(least(to + 1, part.stop));
        const int64_t at = place * p.out[2] * kLanes;
        prefetch_rows(p, part, to + 1);
        give_row(p, part, {planes, rows, part.y + at, part.gy + at, b.scratch}, overlaps);
      }
    }
    clear_to(part.stop);
  });
}

}  // namespace

extern const Kernel<PoolGradientShape> pool_gradient_largest;
const Kernel<PoolGradientShape> pool_gradient_largest = {"largest", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
