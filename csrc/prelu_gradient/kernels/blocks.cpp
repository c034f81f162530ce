// A block of channels of some images at a time, bound by reading the maps.
//
//   phase 0   a task: a block of channels of `images` images -> gx, shared[part][block]
//   phase 1   the parts, added up in order -> gw
#include "kernels/lanes.hpp"
#include "prelu_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTaskVectors = 2048;  // read of each map by a task, and of a run: its sums join
                                        // those before

int64_t images_of_task(const PReLUGradientShape& s) {
  return least(s.batch, most(1, kTaskVectors / s.pixels));
}

bool fits(const PReLUGradientShape&) {
  return true;
}

Needs needs(const PReLUGradientShape& s, int) {
  const int64_t blocks = ceil_div(s.channels, kLanes);
  Needs needs;
  needs.phases = 2;
  needs.tasks[0] = ceil_div(s.batch, images_of_task(s)) * blocks;
  needs.tasks[1] = 1;
  needs.shared_floats = ceil_div(needs.tasks[0] * kLanes, 16) * 16;
  return needs;
}

// Of the pixels of a run; unused lanes of gx become 0 by `used`.
Vector run_pixels(const float* gy, const float* x, float* gx, Vector slope, IntVector used,
                  int64_t pixels) {
  constexpr int kParts = 4;  // sums at once: an addition takes 4 cycles
  Vector part[kParts] = {};
  for (int64_t p = 0; p < pixels; ++p) {
    const Vector g = load(gy + p * kLanes), v = load(x + p * kLanes);
    store(gx + p * kLanes, masked(used, v > 0.0f ? g : slope * g));
    part[p % kParts] += v > 0.0f ? Vector{} : g * v;
  }
  return (part[0] + part[1]) + (part[2] + part[3]);
}

Vector run_images(const PReLUGradientShape& s, const Buffers& b, int64_t n, int64_t stop,
                  int64_t block) {
  const Vector slope = load(b.in[2] + block * kLanes);
  const IntVector used = first_lanes(used_lanes(s.channels, block));
  const int64_t at = block * s.pixels * kLanes;
  Vector total{};
  for (; n < stop; ++n) {
    const float* gy = b.in[0] + n * s.gy_batch_stride + at;
    const float* x = b.in[1] + n * s.x_batch_stride + at;
    float* gx = b.out[0] + n * s.gx_batch_stride + at;
    for (int64_t p = 0; p < s.pixels; p += kTaskVectors) {
      const int64_t from = p * kLanes, pixels = least(kTaskVectors, s.pixels - p);
      total += run_pixels(gy + from, x + from, gx + from, slope, used, pixels);
    }
  }
  return total;
}

void add_parts(const PReLUGradientShape& s, const Buffers& b, int64_t parts, int64_t blocks) {
  for (int64_t block = 0; block < blocks; ++block) {
    Vector total{};
    for (int64_t part = 0; part < parts; ++part) {
      total += load(b.shared + (part * blocks + block) * kLanes);
    }
    store_channels(b.out[1], total, s.channels, block);
  }
}

void run(const PReLUGradientShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const int64_t blocks = ceil_div(s.channels, kLanes), images = images_of_task(s);
  if (phase == 1) return add_parts(s, b, ceil_div(s.batch, images), blocks);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t n = task / blocks * images, last = least(s.batch, n + images);
    store(b.shared + task * kLanes, run_images(s, b, n, last, task % blocks));
  }
}

}  // namespace

extern const Kernel<PReLUGradientShape> prelu_gradient_blocks;
const Kernel<PReLUGradientShape> prelu_gradient_blocks = {"blocks", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
