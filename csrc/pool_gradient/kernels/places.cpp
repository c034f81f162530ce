// Gradients of maxima whose places were written down, a row of gx at a time:
//
//   gx[j] = sum of gy[i] over the windows i that read j, where place[i] is j's number in window i
//
// Every number of gx is stored once, but where windows of several rows read it (then the row is in
// L1), and the sum runs over the windows in order. Windows side by side inside the row give to all
// pixels of a step at once. Bound by writing the map.
#include "pool/kernels/reads.hpp"
#include "pool/kernels/winner.hpp"
#include "pool_gradient/kernels/split.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const PoolGradientShape& s) {
  return s.pool.places;
}

Needs needs(const PoolGradientShape& s, int) {
  Needs needs;
  needs.tasks[0] = gradient_split_of(s.pool).tasks();
  return needs;
}

// A row of windows that read a row of gx, whose first pixel in their windows has number `from`.
struct Line {
  const float* gy;
  const uint8_t* places;
  int32_t from;
  bool start;  // the first row of windows that gives to gx

  // What window i gives to its pixel in column k.
  STRIATE_LAMBDA Vector share(int64_t i, int64_t k) const {
    return load_where(gy + i * kLanes, places + i * kLanes, from + static_cast<int32_t>(k));
  }

  STRIATE_LAMBDA Vector given(const float* gx) const { return start ? Vector{} : load(gx); }
};

// Pixel j of the row, by any windows.
void gather(const PoolShape& s, const Line& line, int64_t j, float* gx) {
  const Readers readers = readers_of(s, 2, j);
  Vector sum = line.given(gx + j * kLanes);
  for (int64_t i = readers.first; i < readers.stop; ++i) {
    const int64_t at = j + s.padding[2] - i * s.stride[2];
    if (at % s.dilation[2] == 0) sum += line.share(i, at / s.dilation[2]);
  }
  store(gx + j * kLanes, sum);
}

// Of windows first .. stop - 1 of kSize columns, or any number where it is 0, the pixels from the
// first of each to the first of the next, kStride behind it: windows before them may read those.
template <int kSize, int kStride>
void gather_run(const PoolShape& s, const Line& line, int64_t first, int64_t stop, float* gx) {
  const int64_t size = kSize > 0 ? kSize : s.kernel[2], stride = kSize > 0 ? kStride : s.stride[2];
  const int64_t before = (size - 1) / stride;
  for (int64_t i = first; i < stop; ++i, gx += stride * kLanes) {
    STRIATE_UNROLL
    for (int64_t q = 0; q < stride; ++q) {
      Vector sum = line.given(gx + q * kLanes);
      STRIATE_UNROLL
      for (int64_t w = before; w >= 0; --w) {
        if (q + w * stride < size) sum += line.share(i - w, q + w * stride);
      }
      store(gx + q * kLanes, sum);
    }
  }
}

typedef void (*Run)(const PoolShape&, const Line&, int64_t, int64_t, float*);

Run run_of(const PoolShape& s) {
  const int64_t size = s.kernel[2], stride = s.stride[2];
  if (size == 2 && stride == 2) return gather_run<2, 2>;
  if (size == 3 && stride == 2) return gather_run<3, 2>;
  if (size == 3 && stride == 1) return gather_run<3, 1>;
  return gather_run<0, 0>;
}

void give_line(const PoolShape& s, const Line& line, float* gx) {
  int64_t j = 0;
  if (s.dilation[2] == 1) {
    const int64_t stride = s.stride[2], before = (s.kernel[2] - 1) / stride;
    const int64_t first = most(before, s.padding[2] > 0 ? ceil_div(s.padding[2], stride) : 0);
    const int64_t stop = least(s.out[2], (s.in[2] + s.padding[2]) / stride);
    if (first < stop) {
      const int64_t from = first * stride - s.padding[2];
      for (; j < from; ++j) gather(s, line, j, gx);
      run_of(s)(s, line, first, stop, gx + from * kLanes);
      j = from + (stop - first) * stride;
    }
  }
  for (; j < s.in[2]; ++j) gather(s, line, j, gx);
}

// False where no window reads the row.
bool give_row(const PoolShape& s, const Part& part, int64_t row, float* gx) {
  const int64_t d = row / s.in[1], h = row % s.in[1];
  const Readers planes = readers_of(s, 0, d), rows = readers_of(s, 1, h);
  bool start = true;
  for (int64_t p = planes.first; p < planes.stop; ++p) {
    const int64_t plane = d + s.padding[0] - p * s.stride[0];
    if (plane % s.dilation[0] != 0) continue;
    for (int64_t r = rows.first; r < rows.stop; ++r) {
      const int64_t line = h + s.padding[1] - r * s.stride[1];
      if (line % s.dilation[1] != 0) continue;
      const int64_t at = (p * s.out[1] + r) * s.out[2] * kLanes;
      const int64_t from = plane / s.dilation[0] * s.kernel[1] + line / s.dilation[1];
      give_line(
          s, {part.gy + at, part.places + at, static_cast<int32_t>(from * s.kernel[2]), start}, gx);
      start = false;
    }
  }
  return !start;
}

void run(const PoolGradientShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t width = s.pool.in[2] * kLanes;
  each_part(s, b, first, stop, [&](const Part& part) STRIATE_LAMBDA {
    for (int64_t row = part.first; row < part.stop; ++row) {
      float* gx = part.gx + row * width;
      if (give_row(s.pool, part, row, gx)) continue;
      for (int64_t i = 0; i < width; i += kLanes) store(gx + i, Vector{});
    }
  });
}

}  // namespace

extern const Kernel<PoolGradientShape> pool_gradient_places;
const Kernel<PoolGradientShape> pool_gradient_places = {"places", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
