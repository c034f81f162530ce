// Reordering between plain and blocked maps, a run of pixels of one block a task, or a small image.
#include "kernels/reorder.hpp"
#include "layout/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kPixels = 256;  // of a task: L rows of 1 KiB, read one beside the other

int64_t runs(const LayoutShape& s) {
  return ceil_div(s.pixels, kPixels);
}

bool fits(const LayoutShape&) {
  return true;
}

// What a map is of: images of blocks of channels, or blocks of images of channels.
int64_t outer(const LayoutShape& s) {
  return s.images ? ceil_div(s.batch, kLanes) : s.batch;
}

int64_t inner(const LayoutShape& s) {
  return s.images ? s.channels : ceil_div(s.channels, kLanes);
}

// Whether an image, or a block of them, is no more than a run of others.
bool is_small(const LayoutShape& s) {
  return inner(s) * s.pixels <= kPixels;
}

Needs needs(const LayoutShape& s, int) {
  Needs needs;
  needs.tasks[0] = outer(s) * (is_small(s) ? 1 : inner(s) * runs(s));
  return needs;
}

// Pixels from p on of cell (n, i) of outer and inner ones.
void reorder(const LayoutShape& s, const Buffers& buffers, int64_t n, int64_t i, int64_t p) {
  const int64_t first = (s.images ? n : i) * kLanes;  // image or channel
  const int64_t rows = least(kLanes, (s.images ? s.batch : s.channels) - first);
  const int64_t count = least(kPixels, s.pixels - p);
  const int64_t image = s.images ? first : n, channel = s.images ? i : first;
  const int64_t plain = (image * s.channels + channel) * s.pixels + p;
  const int64_t apart = s.images ? s.channels * s.pixels : s.pixels;
  const int64_t blocked = n * s.batch_stride + (i * s.pixels + p) * kLanes;
  if (s.to_blocked) {
    block_pixels(buffers.in[0] + plain, rows, apart, count, buffers.out[0] + blocked);
  } else {
    unblock_pixels(buffers.in[0] + blocked, rows, apart, count, buffers.out[0] + plain);
  }
}

void run(const LayoutShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t count = inner(s), parts = runs(s);
  for (int64_t task = first; task < stop; ++task) {
    if (is_small(s)) {
      for (int64_t i = 0; i < count; ++i) reorder(s, buffers, task, i, 0);
    } else {
      const int64_t line = task / parts;
      reorder(s, buffers, line / count, line % count, task % parts * kPixels);
    }
  }
}

}  // namespace

extern const Kernel<LayoutShape> layout_blocked;
const Kernel<LayoutShape> layout_blocked = {"blocked", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
