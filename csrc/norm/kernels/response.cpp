// Local response normalisation of blocked maps, pixel by pixel.
//
// The squares of a pixel's channels are laid out one beside the other, zeros before and behind:
//
//   scratch: 0 .. 0 | x[0]^2 x[1]^2 ... x[C-1]^2 | 0 .. 0        size / 2 zeros before
//
// so that a vector of sums is `size` unaligned loads. A task is 8192 numbers or one pixel.
#include "kernels/activate.hpp"
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "norm/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

int64_t blocks_of(const NormShape& s) {
  return ceil_div(s.channels, kLanes);
}

int64_t pixels_of_task(const NormShape& s) {
  return most(1, kTask / (blocks_of(s) * kLanes));
}

bool fits(const NormShape& s) {
  return s.mode == NormMode::response;
}

Needs needs(const NormShape& s, int) {
  Needs needs;
  needs.thread_floats = ceil_div(blocks_of(s) * kLanes + s.size, 16) * 16;
  needs.tasks[0] = s.batch * ceil_div(s.pixels, pixels_of_task(s));
  return needs;
}

STRIATE_INLINE Vector to_minus(Vector x, float power) {
  if (power == 0.75f) {
    const Vector root = sqrt(x);
    return 1.0f / (root * sqrt(root));
  }
  if (power == 0.5f) return 1.0f / sqrt(x);
  return exp(log(x) * broadcast(-power));
}

void run_pixel(const NormShape& s, const float* x, float* squares, float* y) {
  const int64_t blocks = blocks_of(s), step = s.pixels * kLanes, before = s.size / 2;
  for (int64_t b = 0; b < blocks; ++b) {
    const Vector v = load(x + b * step);
    const IntVector mask = first_lanes(used_lanes(s.channels, b));
    store_unaligned(squares + before + b * kLanes, masked(mask, v * v));
  }
  for (int64_t b = 0; b < blocks; ++b) {
    Vector sum{};
    for (int64_t i = 0; i < s.size; ++i) sum += load_unaligned(squares + b * kLanes + i);
    const Vector v = load(x + b * step) * to_minus(s.k + s.scale * sum, s.power);
    const IntVector mask = first_lanes(used_lanes(s.channels, b));
    store(y + b * step, masked(mask, activated(s.activation, v)));
  }
}

void run(const NormShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t of_task = pixels_of_task(s), tasks = ceil_div(s.pixels, of_task);
  const int64_t room = blocks_of(s) * kLanes + s.size;
  for (int64_t i = 0; i < room; ++i) buffers.scratch[i] = 0;
  for (int64_t task = first; task < stop; ++task) {
    const int64_t n = task / tasks, from = task % tasks * of_task;
    for (int64_t p = from; p < least(s.pixels, from + of_task); ++p) {
      run_pixel(s, buffers.in[0] + n * s.x_batch_stride + p * kLanes, buffers.scratch,
                buffers.out[0] + n * s.y_batch_stride + p * kLanes);
    }
  }
}

}  // namespace

extern const Kernel<NormShape> norm_response;
const Kernel<NormShape> norm_response = {"response", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
