// Maxima of windows with the place of each in its window, for training.
//
//   wins     = x[j] > y[i], or x[j] is NaN         pixel after pixel of window i, by their order
//   y[i]     = x[j] where it wins
//   place[i] = j's number in the window
//
// Windows of up to three rows of two or three columns that lie inside the row are unrolled, with
// what they have found in registers. Bound by reading the map. Behind a batch norm x is normalised
// as it is read.
#include "batch_norm/kernels/channels.hpp"
#include "kernels/activate.hpp"
#include "pool/kernels/reads.hpp"
#include "pool/kernels/split.hpp"
#include "pool/kernels/winner.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const PoolShape& s) {
  return s.places;
}

Needs needs(const PoolShape& s, int) {
  Needs needs;
  needs.tasks[0] = split_of(s).tasks();
  return needs;
}

// A row of windows.
struct Line {
  Reads planes, rows;
  int64_t plane, row;  // numbers of the first plane and row in their windows: others are padding
  float* y;
  uint8_t* places;
};

// The number in its window of the first pixel that window `place` reads along an axis.
int64_t first_of(const PoolShape& s, int axis, int64_t place, const Reads& reads) {
  const int64_t padding = reads.first - (place * s.stride[axis] - s.padding[axis]);
  return padding == 0 ? 0 : padding / s.dilation[axis];
}

// A pixel, behind its norm where there is one.
template <bool kNorm>
STRIATE_INLINE Vector pixel(const Channels& c, const float* x) {
  if constexpr (kNorm) return normalised(c, load(x));
  return load(x);
}

// Window i, of any size.
template <bool kNorm>
void find(const PoolShape& s, const Channels& c, const float* map, const Line& line, int64_t i) {
  const Reads columns = reads_of(s, 2, i);
  const int64_t column = first_of(s, 2, i, columns);
  Winner winner{broadcast(-__builtin_inff()), places_of(0)};
  bool any = false;
  int64_t plane = line.plane;
  for (int64_t d = line.planes.first; d < line.planes.stop; d += line.planes.step, ++plane) {
    int64_t row = plane * s.kernel[1] + line.row;
    for (int64_t h = line.rows.first; h < line.rows.stop; h += line.rows.step, ++row) {
      const float* x = map + (d * s.in[1] + h) * s.in[2] * kLanes;
      int32_t at = static_cast<int32_t>(row * s.kernel[2] + column);
      if (!any) winner.place = places_of(at);
      any = true;
      for (int64_t j = columns.first; j < columns.stop; j += columns.step) {
        winner.meet(pixel<kNorm>(c, x + j * kLanes), places_of(at++));
      }
    }
  }
  store(line.y + i * kLanes, winner.x);
  store_places(line.places + i * kLanes, winner.place);
}

// `count` windows of kRows x kColumns pixels, the first at the start of the rows of `x`, whose
// first pixel has number `from`. Each row's winner meets that of the rows before.
template <int kRows, int kColumns, bool kNorm>
void find_run(const Channels& given, const float* x, int64_t row, int64_t stride, int32_t from,
              int64_t count, float* y, uint8_t* places) {
  const Channels c = given;  // so that GCC need not read it again behind each store
  Places number[kRows * kColumns];
  for (int k = 0; k < kRows * kColumns; ++k) number[k] = places_of(from + k);
  for (int64_t i = 0; i < count * kLanes; i += kLanes, x += stride) {
    Winner rows[kRows];
    STRIATE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      rows[r] = {pixel<kNorm>(c, x + r * row), number[r * kColumns]};
      STRIATE_UNROLL
      for (int k = 1; k < kColumns; ++k) {
        rows[r].meet(pixel<kNorm>(c, x + r * row + k * kLanes), number[r * kColumns + k]);
      }
      if (r > 0) rows[0].meet(rows[r].x, rows[r].place);
    }
    store(y + i, rows[0].x);
    store_places(places + i, rows[0].place);
  }
}

typedef void (*Run)(const Channels&, const float*, int64_t, int64_t, int32_t, int64_t, float*,
                    uint8_t*);

// Null where windows of so many rows are not unrolled.
template <bool kNorm>
Run run_of(const PoolShape& s, const Line& line) {
  const int64_t rows = line.rows.stop - line.rows.first;
  if (line.planes.stop - line.planes.first != 1 || line.rows.step != 1 || s.dilation[2] != 1) {
    return nullptr;
  }
  constexpr Run kTwo[] = {find_run<1, 2, kNorm>, find_run<2, 2, kNorm>, find_run<3, 2, kNorm>};
  constexpr Run kThree[] = {find_run<1, 3, kNorm>, find_run<2, 3, kNorm>, find_run<3, 3, kNorm>};
  if (rows < 1 || rows > 3 || s.kernel[2] < 2 || s.kernel[2] > 3) return nullptr;
  return (s.kernel[2] == 2 ? kTwo : kThree)[rows - 1];
}

template <bool kNorm>
void find_line(const PoolShape& s, const Channels& c, const float* map, const Line& line) {
  const Run run = run_of<kNorm>(s, line);
  const int64_t last = run == nullptr ? -1 : last_inside(s, 2);
  for (int64_t i = 0; i < s.out[2]; ++i) {
    const int64_t column = i * s.stride[2] - s.padding[2];
    if (i > last || column < 0) {
      find<kNorm>(s, c, map, line, i);
      continue;
    }
    const int64_t at = (line.planes.first * s.in[1] + line.rows.first) * s.in[2] + column;
    const int64_t from = (line.plane * s.kernel[1] + line.row) * s.kernel[2];
    run(c, map + at * kLanes, s.in[2] * kLanes, s.stride[2] * kLanes, static_cast<int32_t>(from),
        last + 1 - i, line.y + i * kLanes, line.places + i * kLanes);
    i = last;
  }
}

void run(const PoolShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  each_part(s, b, first, stop, [&](const PoolPart& part) STRIATE_LAMBDA {
    Channels c = {};
    if (s.norm) c = channels_of(s, part.block, b.in[1], b.in[2], b.in[3], b.in[4]);
    for (int64_t row = part.first; row < part.stop; ++row) {
      const int64_t d = row / s.out[1], h = row % s.out[1], at = row * s.out[2] * kLanes;
      const Reads planes = reads_of(s, 0, d), rows = reads_of(s, 1, h);
      const Line line{
          planes,          rows, first_of(s, 0, d, planes), first_of(s, 1, h, rows), part.y + at,
          part.places + at};
      (s.norm ? find_line<true> : find_line<false>)(s, c, part.x, line);
      if (s.activation.kind == Activation::none) continue;
      activate(s.activation, line.y, line.y, s.out[2] * kLanes);
    }
  });
}

}  // namespace

extern const Kernel<PoolShape> pool_places;
const Kernel<PoolShape> pool_places = {"places", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
