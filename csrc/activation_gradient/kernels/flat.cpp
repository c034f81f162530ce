// Maps of one layout, image by image. A task is a piece of 32 KiB of an image, or several images:
// what a core reads and writes in about 5 us. Bound by memory where the slope is a comparison.
#include "activation_gradient/shape.hpp"
#include "kernels/activate_gradient.hpp"
#include "kernels/lanes.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192, kPiece = 2048;

struct Images {
  int64_t floats;  // of one
  int64_t pieces;  // tasks of one, where it is long
  int64_t images;  // of a task, where they are short
};

Images images_of(const ActivationGradientShape& s) {
  const int64_t unit = s.plain ? 1 : kLanes;
  const int64_t floats = ceil_div(s.channels, unit) * unit * s.pixels;
  return {floats, ceil_div(floats, kTask), most(1, kTask / floats)};
}

bool fits(const ActivationGradientShape&) {
  return true;
}

Needs needs(const ActivationGradientShape& s, int) {
  const Images images = images_of(s);
  Needs needs;
  needs.tasks[0] = ceil_div(s.batch, images.images) * images.pieces;
  return needs;
}

void add(const float* a, const float* b, float* y, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store_unaligned(y + i, load_unaligned(a + i) + load_unaligned(b + i));
  }
  for (; i < count; ++i) y[i] = a[i] + b[i];
}

void run_piece(const ActivationGradientShape& s, const Buffers& b, int64_t n, int64_t at,
               int64_t count) {
  const float* gy = b.in[0] + n * s.gy_batch_stride + at;
  const float* x = b.in[1] + n * s.x_batch_stride + at;
  float* gx = b.out[0] + n * s.gx_batch_stride + at;
  if (s.added) {
    const float* added = b.in[2] + n * s.added_batch_stride + at;
    alignas(64) float sum[kPiece];  // gx may be x
    for (int64_t i = 0; i < count; i += kPiece) {
      const int64_t piece = least(kPiece, count - i);
      add(gy + i, added + i, sum, piece);
      activate_gradient(s.activation, sum, x + i, gx + i, piece);
    }
  } else {
    activate_gradient(s.activation, gy, x, gx, count);
  }
  const int64_t used = s.plain ? 0 : s.channels % kLanes;
  if (used == 0) return;
  const int64_t last = s.channels / kLanes * s.pixels * kLanes;  // where the last block begins
  const int64_t from = most(0, last - at);
  if (from < count) clear_lanes(gx + from, (count - from) / kLanes, used);
}

void run(const ActivationGradientShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const Images images = images_of(s);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t image = task / images.pieces * images.images, at = task % images.pieces * kTask;
    for (int64_t n = image; n < least(s.batch, image + images.images); ++n) {
      run_piece(s, b, n, at, least(kTask, images.floats - at));
    }
  }
}

}  // namespace

extern const Kernel<ActivationGradientShape> activation_gradient_flat;
const Kernel<ActivationGradientShape> activation_gradient_flat = {"flat", fits, needs, nullptr,
                                                                  run};

}  // namespace striate::STRIATE_TARGET
