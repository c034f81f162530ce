// Lines that lie side by side (inner > 1): each lane of a vector has a line of its own.
//
// Four vectors of lines are gone through at once, down all of x: 128 bytes of each row on 8 lanes.
// The lines behind the last whole vector are copied to the stack, number by number. A task is 8192
// numbers or four vectors of lines.
#include "reduce/kernels/fold.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192, kVectors = 4, kWidth = kVectors * kLanes;

bool fits(const ReduceShape& s) {
  return s.folds();
}

int64_t tiles(const ReduceShape& s) {
  return ceil_div(s.inner, kWidth);
}

int64_t tiles_of_task(const ReduceShape& s) {
  return most(1, kTask / (s.size * least(kWidth, s.inner)));
}

Needs needs(const ReduceShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(s.outer * tiles(s), tiles_of_task(s));
  return needs;
}

STRIATE_INLINE Vector load_lines(const float* p, int64_t lines) {
  return lines == kLanes ? load_unaligned(p) : load_first(p, lines);
}

STRIATE_INLINE void store_lines(float* p, Vector v, int64_t lines) {
  if (lines == kLanes) {
    store_unaligned(p, v);
  } else {
    store_first(p, v, lines);
  }
}

// `kept`: where what is counted stays, if it does.
template <ReduceMode mode, int kCount>
STRIATE_INLINE void column(const ReduceShape& s, const float* x, int64_t lines,
                           const Vector (&shift)[kCount], Vector (&total)[kCount], float* kept) {
  const Vector start = broadcast(first_value<mode>());
  for (int v = 0; v < kCount; ++v) total[v] = start;
  for (int64_t i = 0; i < s.size;) {
    Vector run[kCount];
    for (int v = 0; v < kCount; ++v) run[v] = start;
    for (const int64_t stop = least(s.size, i + kRun); i < stop; ++i) {
      STRIATE_UNROLL
      for (int v = 0; v < kCount; ++v) {
        const int64_t at = i * s.inner + v * kLanes;
        const Vector number = counted<mode>(load_lines(x + at, lines), shift[v]);
        if constexpr (keeps_counted<mode>()) store_lines(kept + at, number, lines);
        run[v] = joined<mode>(run[v], number);
      }
    }
    for (int v = 0; v < kCount; ++v) total[v] = joined<mode>(total[v], run[v]);
  }
}

// kCount vectors of lines; of the last, which then is alone, perhaps less than kLanes.
template <ReduceMode mode, int kCount>
void run_lines(const ReduceShape& s, const float* x, float* y, int64_t lines) {
  constexpr ReduceMode kShift = shift_mode<mode>();
  Vector shift[kCount] = {}, total[kCount];
  if constexpr (kShift != mode) {
    column<kShift, kCount>(s, x, lines, shift, total, nullptr);
    for (int v = 0; v < kCount; ++v) {
      shift[v] = usable_shift<mode>(finished<kShift>(s, total[v], shift[v]));
    }
  }
  column<mode, kCount>(s, x, lines, shift, total, y);
  if constexpr (mode == ReduceMode::softmax || mode == ReduceMode::log_softmax) {
    for (int v = 0; v < kCount; ++v) {
      total[v] = mode == ReduceMode::log_softmax ? log(total[v]) : 1.0f / total[v];
    }
    const float* from = keeps_counted<mode>() ? y : x;
    for (int64_t i = 0; i < s.size; ++i) {
      for (int v = 0; v < kCount; ++v) {
        const int64_t at = i * s.inner + v * kLanes;
        store_lines(y + at, share<mode>(load_lines(from + at, lines), shift[v], total[v]), lines);
      }
    }
  } else {
    for (int v = 0; v < kCount; ++v) {
      store_lines(y + v * kLanes, finished<mode>(s, total[v], shift[v]), lines);
    }
  }
}

template <ReduceMode mode>
void run_tiles(const ReduceShape& s, const Buffers& b, int64_t first, int64_t stop) {
  const int64_t across = tiles(s);
  for (int64_t tile = first; tile < stop; ++tile) {
    const int64_t outer = tile / across, from = tile % across * kWidth;
    const float* x = b.in[0] + outer * s.size * s.inner + from;
    float* y = b.out[0] + outer * (s.keeps_size() ? s.size : 1) * s.inner + from;
    const int64_t lines = least(kWidth, s.inner - from);
    if (lines == kWidth) {
      run_lines<mode, kVectors>(s, x, y, kLanes);
      continue;
    }
    for (int64_t i = 0; i < lines; i += kLanes) {
      run_lines<mode, 1>(s, x + i, y + i, least(kLanes, lines - i));
    }
  }
}

void run(const ReduceShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t count = tiles_of_task(s), all = s.outer * tiles(s);
  const int64_t from = first * count, to = least(all, stop * count);
  STRIATE_REDUCE(run_tiles, s, s, b, from, to)
}

}  // namespace

extern const Kernel<ReduceShape> reduce_columns;
const Kernel<ReduceShape> reduce_columns = {"columns", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
