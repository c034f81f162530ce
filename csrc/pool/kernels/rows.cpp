// Pooling of any window, a row of outputs at a time: first down, then across.
//
//   line[j] = max or sum of the rows that the window reads, at column j       (in L1)
//   y[i]    = max or sum of line[j], j in the window's columns
//
// A 3x3 window takes 3 + 3 operations an output at stride 1 instead of 9, and every load is of a
// whole row: bound by reading the map. A window of one row reads it in place.
// Maxima and sums of the same pixels are made in the same order whoever makes them.
#include "kernels/activate.hpp"
#include "kernels/joined.hpp"
#include "pool/kernels/reads.hpp"
#include "pool/kernels/split.hpp"

namespace striate::STRIATE_TARGET {
namespace {

// line[j] = x[j], or line[j] with x[j].
template <bool kAverage>
static void join_rows(const float* x, bool start, int64_t columns, float* line) {
  if (start) {
    for (int64_t j = 0; j < columns; ++j) store(line + j * kLanes, load(x + j * kLanes));
    return;
  }
  for (int64_t j = 0; j < columns; ++j) {
    store(line + j * kLanes, joined<kAverage>(load(line + j * kLanes), load(x + j * kLanes)));
  }
}

// Two rows, or three, at once: most windows are 2x2 and 3x3.
template <bool kAverage>
static void join_first_rows(const float* a, const float* b, const float* c, int64_t columns,
                            float* line) {
  for (int64_t j = 0; j < columns * kLanes; j += kLanes) {
    const Vector two = joined<kAverage>(load(a + j), load(b + j));
    store(line + j, c != nullptr ? joined<kAverage>(two, load(c + j)) : two);
  }
}

template <bool kAverage>
STRIATE_INLINE Vector identity() {
  return kAverage ? Vector{} : broadcast(-__builtin_inff());
}

// The rows of x that a window reads, joined: in `line`, or x itself where there is one row only.
template <bool kAverage>
static const float* join_window(const PoolShape& s, const float* map, const Reads& planes,
                                const Reads& rows, float* line) {
  const int64_t row = s.in[2] * kLanes;
  const float* seen[3] = {};
  int count = 0;
  for (int64_t d = planes.first; d < planes.stop; d += planes.step) {
    for (int64_t h = rows.first; h < rows.stop; h += rows.step) {
      const float* x = map + (d * s.in[1] + h) * row;
      if (count < 3) {
        seen[count++] = x;
        continue;
      }
      if (seen[0] != nullptr) {
        join_first_rows<kAverage>(seen[0], seen[1], seen[2], s.in[2], line);
        seen[0] = nullptr;
      }
      join_rows<kAverage>(x, false, s.in[2], line);
    }
  }
  if (count == 1) return seen[0];
  if (count == 0) {
    for (int64_t j = 0; j < row; j += kLanes) store(line + j, identity<kAverage>());
  } else if (seen[0] != nullptr) {
    join_first_rows<kAverage>(seen[0], seen[1], seen[2], s.in[2], line);
  }
  return line;
}

// Windows of K columns that all lie inside the row; `scale` is for all of them.
template <bool kAverage, int K>
static void across(const float* line, int64_t stride, int64_t places, Vector scale, float* y) {
  for (int64_t i = 0; i < places; ++i, line += stride * kLanes) {
    Vector v = load(line);
    STRIATE_UNROLL
    for (int k = 1; k < K; ++k) v = joined<kAverage>(v, load(line + k * kLanes));
    store(y + i * kLanes, kAverage ? v * scale : v);
  }
}

template <bool kAverage>
static void pool_row(const PoolShape& s, const float* map, int64_t place, float* line, float* y) {
  const Reads planes = reads_of(s, 0, place / s.out[1]), rows = reads_of(s, 1, place % s.out[1]);
  const float* joined_rows = join_window<kAverage>(s, map, planes, rows, line);
  int64_t i = 0;
  while (i < s.out[2]) {
    const Reads reads = reads_of(s, 2, i);
    const int64_t count = s.divisor > 0 ? s.divisor : planes.count * rows.count * reads.count;
    const int64_t width = reads.stop - reads.first;
    if (!s.adaptive && reads.step == 1 && width == s.kernel[2] && (width == 2 || width == 3)) {
      const int64_t last = least(s.out[2] - 1, (s.in[2] - width + s.padding[2]) / s.stride[2]);
      const auto run = width == 2 ? across<kAverage, 2> : across<kAverage, 3>;
      run(joined_rows + reads.first * kLanes, s.stride[2], last + 1 - i,
          broadcast(1 / static_cast<float>(count)), y + i * kLanes);
      i = last + 1;
      continue;
    }
    Vector v = identity<kAverage>();
    for (int64_t j = reads.first; j < reads.stop; j += reads.step) {
      v = joined<kAverage>(v, load(joined_rows + j * kLanes));
    }
    store(y + i * kLanes, kAverage ? v * broadcast(1 / static_cast<float>(count)) : v);
    ++i;
  }
  if (s.activation.kind == Activation::none) return;
  activate(s.activation, y, y, s.out[2] * kLanes);
}

bool fits(const PoolShape& s) {
  return !s.places;
}

Needs needs(const PoolShape& s, int) {
  Needs needs;
  needs.thread_floats = ceil_div(s.in[2] * kLanes, 16) * 16;
  needs.tasks[0] = split_of(s).tasks();
  return needs;
}

void run(const PoolShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const auto row = s.average ? pool_row<true> : pool_row<false>;
  each_part(s, b, first, stop, [&](const PoolPart& part) STRIATE_LAMBDA {
    for (int64_t place = part.first; place < part.stop; ++place) {
      row(s, part.x, place, b.scratch, part.y + place * s.out[2] * kLanes);
    }
  });
}

}  // namespace

extern const Kernel<PoolShape> pool_rows;
const Kernel<PoolShape> pool_rows = {"rows", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
