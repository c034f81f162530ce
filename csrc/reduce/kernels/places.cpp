// Where the largest or smallest number of each line stands: each lane keeps its best number and its
// place. Lines side by side (inner > 1) have a lane each; of a line alone the lanes' bests are
// compared at the end, where the first place wins among equals. A task is 8192 numbers, one line or
// one vector of lines.
#include "kernels/lanes.hpp"
#include "reduce/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

bool fits(const ReduceShape& s) {
  return s.finds_places();
}

int64_t units(const ReduceShape& s) {  // lines, or vectors of them, of one `outer`
  return s.inner == 1 ? 1 : ceil_div(s.inner, kLanes);
}

int64_t units_of_task(const ReduceShape& s) {
  return most(1, kTask / (s.size * (s.inner == 1 ? 1 : least(s.inner, kLanes))));
}

Needs needs(const ReduceShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(s.outer * units(s), units_of_task(s));
  return needs;
}

struct Best {
  Vector value;
  IntVector place;
};

// A NaN beats all numbers, as in NumPy and torch.
template <bool kLargest>
STRIATE_INLINE void compare(Best& best, Vector x, IntVector place) {
  const IntVector better = kLargest ? x > best.value : x < best.value;
  const IntVector wins = (better | (x != x)) & (best.value == best.value);
  best.value = wins ? x : best.value;
  best.place = wins ? place : best.place;
}

template <bool kLargest>
bool precedes(const Best& best, int a, int b) {
  const float x = best.value[a], y = best.value[b];
  if ((x != x) != (y != y)) return x != x;
  if (x == y || x != x) return best.place[a] < best.place[b];
  return kLargest ? x > y : x < y;
}

template <bool kLargest>
int32_t place_in_line(const float* x, int64_t size) {
  Best best{broadcast(x[0]), {}};
  IntVector place;
  for (int i = 0; i < kLanes; ++i) place[i] = i;
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes, place += kLanes) {
    compare<kLargest>(best, load_unaligned(x + i), place);
  }
  if (i < size) {
    const Vector rest = first_lanes(size - i) ? load_first(x + i, size - i) : best.value;
    compare<kLargest>(best, rest, place);
  }
  int found = 0;
  for (int lane = 1; lane < kLanes; ++lane) {
    if (precedes<kLargest>(best, lane, found)) found = lane;
  }
  return best.place[found];
}

template <bool kLargest>
IntVector places_of_lines(const float* x, int64_t size, int64_t inner, int64_t lines) {
  const bool whole = lines >= kLanes;
  Best best{whole ? load_unaligned(x) : load_first(x, lines), {}};
  for (int64_t i = 1; i < size; ++i) {
    const float* from = x + i * inner;
    compare<kLargest>(best, whole ? load_unaligned(from) : load_first(from, lines),
                      IntVector{} + static_cast<int32_t>(i));
  }
  return best.place;
}

template <bool kLargest>
void run_units(const ReduceShape& s, const Buffers& b, int64_t first, int64_t stop) {
  const int64_t across = units(s);
  for (int64_t unit = first; unit < stop; ++unit) {
    const int64_t outer = unit / across, from = unit % across * kLanes;
    const float* x = b.in[0] + outer * s.size * s.inner + from;
    float* y = b.out[0] + outer * s.inner + from;
    if (s.inner == 1) {
      *y = static_cast<float>(place_in_line<kLargest>(x, s.size));
      continue;
    }
    const int64_t lines = least(kLanes, s.inner - from);
    const IntVector places = places_of_lines<kLargest>(x, s.size, s.inner, lines);
    for (int64_t i = 0; i < lines; ++i) y[i] = static_cast<float>(places[i]);
  }
}

void run(const ReduceShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t count = units_of_task(s), all = s.outer * units(s);
  const auto run_some = s.mode == ReduceMode::argmax ? run_units<true> : run_units<false>;
  run_some(s, b, first * count, least(all, stop * count));
}

}  // namespace

extern const Kernel<ReduceShape> reduce_places;
const Kernel<ReduceShape> reduce_places = {"places", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
