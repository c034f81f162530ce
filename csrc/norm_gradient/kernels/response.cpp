// Gradient of local response normalisation of blocked maps, pixel by pixel.
//
// With d = k + scale * (sum of x^2 over a channel's neighbours):
//
//   gx[c] = gy[c] * d[c]^-power - 2 * scale * power * x[c] * sum of t,  t = gy * x * d^(-power - 1)
//
// over the channels that have c as a neighbour. Squares and then t are laid out one beside the
// other, zeros before and behind, so that a vector of sums is `size` unaligned loads:
//
//   scratch: d^-power [C, to whole blocks] | 0 .. 0 | squares, then t | 0 .. 0
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "norm_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;  // numbers, or one pixel

int64_t blocks_of(const NormGradientShape& s) {
  return ceil_div(s.channels, kLanes);
}

int64_t pixels_of_task(const NormGradientShape& s) {
  return most(1, kTask / (blocks_of(s) * kLanes));
}

bool fits(const NormGradientShape& s) {
  return s.mode == NormGradientMode::response;
}

Needs needs(const NormGradientShape& s, int) {
  Needs needs;
  needs.thread_floats = ceil_div(2 * blocks_of(s) * kLanes + s.size, 16) * 16;
  needs.tasks[0] = s.batch * ceil_div(s.pixels, pixels_of_task(s));
  return needs;
}

STRIATE_INLINE Vector sum_of_line(const float* line, int64_t size) {
  Vector sum{};
  for (int64_t i = 0; i < size; ++i) sum += load_unaligned(line + i);
  return sum;
}

void run_pixel(const NormGradientShape& s, const float* gy, const float* x, float* scratch,
               float* gx) {
  const int64_t blocks = blocks_of(s), step = s.pixels * kLanes;
  const int64_t before = s.size / 2, behind = (s.size - 1) / 2;
  float *powers = scratch, *line = scratch + blocks * kLanes;
  for (int64_t i = 0; i < blocks * kLanes + s.size; ++i) line[i] = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    const Vector v = masked(first_lanes(used_lanes(s.channels, b)), load(x + b * step));
    store_unaligned(line + before + b * kLanes, v * v);
  }
  for (int64_t b = 0; b < blocks; ++b) {
    store(powers + b * kLanes, s.k + s.scale * sum_of_line(line + b * kLanes, s.size));
  }
  for (int64_t i = 0; i < blocks * kLanes + s.size; ++i) line[i] = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    const IntVector mask = first_lanes(used_lanes(s.channels, b));
    const Vector d = load(powers + b * kLanes), power = exp(log(d) * broadcast(-s.power));
    store(powers + b * kLanes, power);
    const Vector t = load(gy + b * step) * load(x + b * step) * power / d;
    store_unaligned(line + behind + b * kLanes, masked(mask, t));
  }
  const float factor = 2 * s.scale * s.power;
  for (int64_t b = 0; b < blocks; ++b) {
    const IntVector mask = first_lanes(used_lanes(s.channels, b));
    const Vector spread = sum_of_line(line + b * kLanes, s.size) * load(x + b * step);
    const Vector v = load(gy + b * step) * load(powers + b * kLanes) - factor * spread;
    store(gx + b * step, masked(mask, v));
  }
}

void run(const NormGradientShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t of_task = pixels_of_task(s), tasks = ceil_div(s.pixels, of_task);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t n = task / tasks, from = task % tasks * of_task;
    for (int64_t p = from; p < least(s.pixels, from + of_task); ++p) {
      run_pixel(s, buffers.in[0] + n * s.gy_batch_stride + p * kLanes,
                buffers.in[1] + n * s.x_batch_stride + p * kLanes, buffers.scratch,
                buffers.out[0] + n * s.gx_batch_stride + p * kLanes);
    }
  }
}

}  // namespace

extern const Kernel<NormGradientShape> norm_gradient_response;
const Kernel<NormGradientShape> norm_gradient_response = {"response", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
