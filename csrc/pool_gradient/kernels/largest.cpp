// Gradients of maxima, a row of windows at a time, and of these a row of pixels at a time:
//
//   wins[i] = x[j] is y[i], and no pixel of window i before it was     (taken[i], in L1)
//   gx[j]  += gy[i] where it wins
//
// A task owns rows of gx and goes through the windows that read one of them, in order; what these
// give to rows of others goes to a row that nobody reads. So windows that overlap add up in the
// same order whoever does it. Where none do, gx is stored and not added to. Bound by memory: for
// 2x2/2 6 cycles an output on AVX2, which moves 448 bytes.
#include "kernels/lanes.hpp"
#include "pool/kernels/reads.hpp"
#include "pool_gradient/kernels/split.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const PoolGradientShape& s) {
  return !s.pool.average;
}

int64_t line_floats(int64_t pixels) {
  return ceil_div(pixels * kLanes, 16) * 16;
}

Needs needs(const PoolGradientShape& s, int) {
  Needs needs;
  needs.thread_floats = line_floats(s.pool.out[2]) + line_floats(s.pool.in[2]);
  needs.tasks[0] = split_of(s.pool).tasks();
  return needs;
}

// A row of windows, and the row of pixels they look at.
struct Line {
  const float *x, *y, *gy;
  float *gx, *taken;
  bool start;  // nothing is taken yet
};

STRIATE_INLINE IntVector before(const Line& line, int64_t i) {
  return line.start ? IntVector{} : (IntVector)load(line.taken + i * kLanes);
}

// kNan: y may be one, which is the first NaN then. kOverlap: another window may have given to gx.
template <bool kNan, bool kOverlap>
STRIATE_INLINE void give(const Line& line, int64_t j, Vector y, Vector gy, IntVector& taken) {
  const Vector x = load(line.x + j * kLanes);
  IntVector wins = x == y;
  if constexpr (kNan) wins |= (x != x) & (y != y);
  wins &= ~taken;
  taken |= wins;
  float* gx = line.gx + j * kLanes;
  const Vector share = masked(wins, gy);
  store(gx, kOverlap ? load(gx) + share : share);
}

// Windows of K columns, all inside, the first at column `column`.
template <bool kNan, bool kOverlap, int K>
void give_run(const Line& line, int64_t first, int64_t stop, int64_t column, int64_t stride) {
  for (int64_t i = first; i < stop; ++i, column += stride) {
    IntVector taken = before(line, i);
    const Vector y = load(line.y + i * kLanes), gy = load(line.gy + i * kLanes);
    STRIATE_UNROLL
    for (int k = 0; k < K; ++k) give<kNan, kOverlap>(line, column + k, y, gy, taken);
    store(line.taken + i * kLanes, (Vector)taken);
  }
}

template <bool kNan, bool kOverlap>
void give_window(const Line& line, int64_t i, const Reads& columns) {
  IntVector taken = before(line, i);
  const Vector y = load(line.y + i * kLanes), gy = load(line.gy + i * kLanes);
  for (int64_t j = columns.first; j < columns.stop; j += columns.step) {
    give<kNan, kOverlap>(line, j, y, gy, taken);
  }
  store(line.taken + i * kLanes, (Vector)taken);
}

template <bool kNan, bool kOverlap>
void give_line(const PoolShape& s, const Line& line) {
  const int64_t last = s.adaptive ? -1 : last_inside(s, 2);
  for (int64_t i = 0; i < s.out[2];) {
    Reads columns = reads_of(s, 2, i);
    if (i > last || columns.stop - columns.first != s.kernel[2] * columns.step) {
      give_window<kNan, kOverlap>(line, i++, columns);
    } else if (columns.step == 1 && (s.kernel[2] == 2 || s.kernel[2] == 3)) {
      const auto run = s.kernel[2] == 2 ? give_run<kNan, kOverlap, 2> : give_run<kNan, kOverlap, 3>;
      run(line, i, last + 1, columns.first, s.stride[2]);
      i = last + 1;
    } else {
      for (; i <= last; ++i, columns.first += s.stride[2], columns.stop += s.stride[2]) {
        give_window<kNan, kOverlap>(line, i, columns);
      }
    }
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

// One row of windows of a map: all rows of pixels it looks at, up to the last that the task owns.
void give_row(const PoolShape& s, const Part& part, int64_t place, bool overlaps, float* scratch) {
  const Reads planes = reads_of(s, 0, place / s.out[1]), rows = reads_of(s, 1, place % s.out[1]);
  const int64_t out = place * s.out[2] * kLanes, width = s.in[2] * kLanes;
  const bool nan = any_nan(part.y + out, s.out[2] * kLanes);
  const auto give = nan        ? overlaps ? give_line<true, true> : give_line<true, false>
                    : overlaps ? give_line<false, true>
                               : give_line<false, false>;
  float* nobody = scratch + line_floats(s.out[2]);
  Line line{nullptr, part.y + out, part.gy + out, nullptr, scratch, true};
  for (int64_t d = planes.first; d < planes.stop; d += planes.step) {
    for (int64_t h = rows.first; h < rows.stop; h += rows.step) {
      const int64_t row = d * s.in[1] + h;
      if (row >= part.stop) return;
      line.x = part.x + row * width;
      line.gx = row >= part.first ? part.gx + row * width : nobody;
      give(s, line);
      line.start = false;
    }
  }
}

// Whether a row of windows reads one of the rows first .. stop - 1. (Of those that a band's rows
// lie between, not all do.)
bool reads_any(const PoolShape& s, int64_t place, int64_t first, int64_t stop) {
  const Reads planes = reads_of(s, 0, place / s.out[1]), rows = reads_of(s, 1, place % s.out[1]);
  if (planes.first >= planes.stop || rows.first >= rows.stop) return false;
  const int64_t from = planes.first * s.in[1] + rows.first;
  const int64_t to = (planes.stop - planes.step) * s.in[1] + rows.stop - rows.step;
  return from < stop && to >= first;
}

void clear(float* y, int64_t floats) {
  for (int64_t i = 0; i < floats; i += kLanes) store(y + i, Vector{});
}

void run(const PoolGradientShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const PoolShape& p = s.pool;
  const bool overlaps = overlap(p);
  const int64_t width = p.in[2] * kLanes;
  clear(b.scratch, line_floats(p.out[2]) + line_floats(p.in[2]));
  each_part(s, b, first, stop, [&](const Part& part) STRIATE_LAMBDA {
    clear(part.gx + part.first * width, (part.stop - part.first) * width);
    for (int64_t place = 0; place < p.out[0] * p.out[1]; ++place) {
      if (reads_any(p, place, part.first, part.stop)) {
        give_row(p, part, place, overlaps, b.scratch);
      }
    }
  });
}

}  // namespace

extern const Kernel<PoolGradientShape> pool_gradient_largest;
const Kernel<PoolGradientShape> pool_gradient_largest = {"largest", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
