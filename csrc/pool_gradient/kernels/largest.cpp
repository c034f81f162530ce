// Gradients of maxima of windows that adapt, or are too large for places as bytes: the winner of
// each window is found again.
//
//   gx[j] += gy[i], j the pixel of window i that won
//
// A task owns rows of gx and goes through the windows that read one of them, in order; what these
// give to rows of others goes to a row that nobody reads. So windows that overlap add up in the
// same order whoever does it.
#include "kernels/lanes.hpp"
#include "pool/kernels/reads.hpp"
#include "pool_gradient/kernels/split.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const PoolGradientShape& s) {
  return !s.pool.average && !s.pool.places;
}

Needs needs(const PoolGradientShape& s, int) {
  Needs needs;
  needs.thread_floats = ceil_div(s.pool.in[2] * kLanes, 16) * 16;
  needs.tasks[0] = gradient_split_of(s.pool).tasks();
  return needs;
}

// A row of windows: which rows of pixels it reads, and what it gives.
struct Line {
  Reads planes, rows;
  const float* gy;
  float* nobody;
};

// work(row, column, number) for each pixel of a window, by their order.
template <typename Work>
STRIATE_INLINE void each_pixel(const PoolShape& s, const Line& line, const Reads& columns,
                               Work work) {
  int32_t number = 0;
  for (int64_t d = line.planes.first; d < line.planes.stop; d += line.planes.step) {
    for (int64_t h = line.rows.first; h < line.rows.stop; h += line.rows.step) {
      for (int64_t j = columns.first; j < columns.stop; j += columns.step) {
        work(d * s.in[1] + h, j * kLanes, number++);
      }
    }
  }
}

void give_row(const PoolShape& s, const Part& part, const Line& line) {
  const int64_t width = s.in[2] * kLanes;
  for (int64_t i = 0; i < s.out[2]; ++i) {
    const Reads columns = reads_of(s, 2, i);
    Vector best = broadcast(-__builtin_inff());
    IntVector winner{};
    each_pixel(s, line, columns, [&](int64_t row, int64_t j, int32_t number) STRIATE_LAMBDA {
      const Vector x = load(part.x + row * width + j);
      const IntVector wins = (x > best) | (x != x);
      best = wins ? x : best;
      winner = wins ? IntVector{} + number : winner;
    });
    const Vector gy = load(line.gy + i * kLanes);
    each_pixel(s, line, columns, [&](int64_t row, int64_t j, int32_t number) STRIATE_LAMBDA {
      const bool mine = row >= part.first && row < part.stop;
      float* gx = (mine ? part.gx + row * width : line.nobody) + j;
      store(gx, load(gx) + masked(winner == IntVector{} + number, gy));
    });
  }
}

void clear(float* y, int64_t floats) {
  for (int64_t i = 0; i < floats; i += kLanes) store(y + i, Vector{});
}

void run(const PoolGradientShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const PoolShape& p = s.pool;
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
        give_row(p, part, {planes, rows, part.gy + at, b.scratch});
      }
    }
    clear_to(part.stop);
  });
}

}  // namespace

extern const Kernel<PoolGradientShape> pool_gradient_largest;
const Kernel<PoolGradientShape> pool_gradient_largest = {"largest", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
