// Reordering between plain and blocked maps, a run of pixels of one block a task.
#include "kernels/vector.hpp"
#include "layout/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kPixels = 256;  // of a task: L rows of 1 KiB, read one beside the other

int64_t runs(const LayoutShape& s) {
  return ceil_div(s.pixels, kPixels);
}

void block_pixels(const float* plain, int64_t rows, int64_t pixels, int64_t count, float* blocked) {
  for (int64_t p = 0; p < count; ++p) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      blocked[p * kLanes + lane] = lane < rows ? plain[lane * pixels + p] : 0;
    }
  }
}

void unblock_pixels(const float* blocked, int64_t rows, int64_t pixels, int64_t count,
                    float* plain) {
  for (int64_t lane = 0; lane < rows; ++lane) {
    for (int64_t p = 0; p < count; ++p) plain[lane * pixels + p] = blocked[p * kLanes + lane];
  }
}

bool fits(const LayoutShape&) {
  return true;
}

Needs needs(const LayoutShape& s, int) {
  Needs needs;
  needs.tasks[0] = s.batch * ceil_div(s.channels, kLanes) * runs(s);
  return needs;
}

void run(const LayoutShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t blocks = ceil_div(s.channels, kLanes);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t p = task % runs(s) * kPixels, block = task / runs(s) % blocks;
    const int64_t n = task / runs(s) / blocks;
    const int64_t rows = least(kLanes, s.channels - block * kLanes);
    const int64_t count = least(kPixels, s.pixels - p);
    const int64_t plain = (n * s.channels + block * kLanes) * s.pixels + p;
    const int64_t blocked = n * s.batch_stride + (block * s.pixels + p) * kLanes;
    if (s.to_blocked) {
      block_pixels(buffers.in[0] + plain, rows, s.pixels, count, buffers.out[0] + blocked);
    } else {
      unblock_pixels(buffers.in[0] + blocked, rows, s.pixels, count, buffers.out[0] + plain);
    }
  }
}

}  // namespace

extern const Kernel<LayoutShape> layout_blocked;
const Kernel<LayoutShape> layout_blocked = {"blocked", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
