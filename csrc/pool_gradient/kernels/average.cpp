// Gradients of means, a row of gx at a time: first down, then across.
//
//   line[i] = sum of the rows of gy whose windows read this row, by their counts     (in L1)
//   gx[j]   = sum of line[i], by the columns' counts, over the windows i that read column j
//
// Every row of gx is written once, by windows in order: the first that reads a column stores, those
// behind it add. Bound by writing the map.
#include "pool/kernels/reads.hpp"
#include "pool_gradient/kernels/split.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const PoolGradientShape& s) {
  return s.pool.average;
}

Needs needs(const PoolGradientShape& s, int) {
  Needs needs;
  needs.thread_floats = ceil_div(s.pool.out[2] * kLanes, 16) * 16;
  needs.tasks[0] = gradient_split_of(s.pool).tasks();
  return needs;
}

STRIATE_INLINE bool reads(const Reads& window, int64_t pixel) {
  return pixel >= window.first && pixel < window.stop && (pixel - window.first) % window.step == 0;
}

// line = scale * gy, or line + scale * gy.
void add_row(const float* gy, Vector scale, bool start, int64_t floats, float* line) {
  for (int64_t i = 0; i < floats; i += kLanes) {
    const Vector v = load(gy + i) * scale;
    store(line + i, start ? v : load(line + i) + v);
  }
}

// False where no window reads the row.
bool join_rows(const PoolShape& s, const float* gy, int64_t row, float* line) {
  const int64_t d = row / s.in[1], h = row % s.in[1], floats = s.out[2] * kLanes;
  const Readers planes = readers_of(s, 0, d), rows = readers_of(s, 1, h);
  bool start = true;
  for (int64_t i = planes.first; i < planes.stop; ++i) {
    const Reads plane = reads_of(s, 0, i);
    if (!reads(plane, d)) continue;
    for (int64_t j = rows.first; j < rows.stop; ++j) {
      const Reads read = reads_of(s, 1, j);
      if (!reads(read, h)) continue;
      const int64_t count = s.divisor > 0 ? s.divisor : plane.count * read.count;
      const Vector scale = broadcast(1 / static_cast<float>(count));
      add_row(gy + (i * s.out[1] + j) * floats, scale, start, floats, line);
      start = false;
    }
  }
  return !start;
}

// Columns of gx below `done` hold what the windows so far gave them.
struct Row {
  float* gx;
  int64_t done;

  STRIATE_LAMBDA void give(const Reads& to, Vector share) {
    int64_t j = to.first;
    for (; j < to.stop && j < done; j += to.step) {
      store(gx + j * kLanes, load(gx + j * kLanes) + share);
    }
    if (j >= to.stop) return;
    for (; done < j; ++done) store(gx + done * kLanes, Vector{});
    for (; done < to.stop; ++done) store(gx + done * kLanes, share);
  }
};

// Windows of K columns beside one another.
template <int K>
void spread(const float* line, int64_t places, Vector scale, float* gx) {
  for (int64_t i = 0; i < places; ++i) {
    const Vector share = load(line + i * kLanes) * scale;
    STRIATE_UNROLL
    for (int k = 0; k < K; ++k) store(gx + (i * K + k) * kLanes, share);
  }
}

void spread_row(const PoolShape& s, const float* line, float* gx) {
  Row row{gx, 0};
  if (s.dilation[2] > 1) {
    for (; row.done < s.in[2]; ++row.done) store(gx + row.done * kLanes, Vector{});
  }
  const int64_t last = s.adaptive ? -1 : last_inside(s, 2);
  for (int64_t i = 0; i < s.out[2];) {
    Reads to = reads_of(s, 2, i);
    Vector scale = broadcast(s.divisor > 0 ? 1 : 1 / static_cast<float>(to.count));
    const bool inside = i <= last && to.stop - to.first == s.kernel[2] * to.step;
    if (!inside) {
      row.give(to, load(line + i * kLanes) * scale);
      ++i;
    } else if (s.kernel[2] == 2 && s.stride[2] == 2 && to.step == 1 && row.done == to.first) {
      spread<2>(line + i * kLanes, last + 1 - i, scale, gx + to.first * kLanes);
      row.done = to.first + 2 * (last + 1 - i);
      i = last + 1;
    } else {
      for (; i <= last; ++i, to.first += s.stride[2], to.stop += s.stride[2]) {
        row.give(to, load(line + i * kLanes) * scale);
      }
    }
  }
  for (; row.done < s.in[2]; ++row.done) store(gx + row.done * kLanes, Vector{});
}

void run(const PoolGradientShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const PoolShape& p = s.pool;
  each_part(s, b, first, stop, [&](const Part& part) STRIATE_LAMBDA {
    for (int64_t row = part.first; row < part.stop; ++row) {
      float* gx = part.gx + row * p.in[2] * kLanes;
      if (join_rows(p, part.gy, row, b.scratch)) {
        spread_row(p, b.scratch, gx);
      } else {
        for (int64_t j = 0; j < p.in[2]; ++j) store(gx + j * kLanes, Vector{});
      }
    }
  });
}

}  // namespace

extern const Kernel<PoolGradientShape> pool_gradient_average;
const Kernel<PoolGradientShape> pool_gradient_average = {"average", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
