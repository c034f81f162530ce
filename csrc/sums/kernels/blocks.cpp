// A block of channels of some images at a time. Eight sums at once hide the latency of an addition
// (4 cycles, two a cycle); what 2048 numbers add up to in each joins the others then, so that
// rounding errors grow with the root of that. Bound by reading the maps.
//
//   phase 0   a task: a block of channels of `images` images, or some such    ->
//   shared[part][block] phase 1   over images: the parts, added up in order -> y
#include "kernels/lanes.hpp"
#include "sums/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTaskVectors = 4096;  // read by a task: 128 or 256 KiB, 5 to 15 us
constexpr int64_t kRun = 2048;
constexpr int kParts = 8;

struct Split {
  int64_t blocks;
  int64_t images;  // that a sum is over in phase 0
  int64_t parts;   // of the batch
  int64_t sums;    // of a task
};

Split split_of(const SumsShape& s) {
  Split split{};
  split.blocks = ceil_div(s.channels, kLanes);
  const int64_t images = most(1, kTaskVectors / s.pixels);
  split.images = s.images ? least(images, s.batch) : 1;
  split.parts = ceil_div(s.batch, split.images);
  split.sums = most(1, kTaskVectors / (s.pixels * split.images));
  return split;
}

bool fits(const SumsShape&) {
  return true;
}

Needs needs(const SumsShape& s, int) {
  const Split split = split_of(s);
  Needs needs;
  needs.tasks[0] = ceil_div(split.parts * split.blocks, split.sums);
  if (s.images) {
    needs.shared_floats = ceil_div(split.parts * split.blocks * kLanes, 16) * 16;
    needs.phases = 2;
    needs.tasks[1] = 1;
  }
  return needs;
}

template <bool kProduct>
STRIATE_INLINE Vector term(const float* x, const float* b, int64_t p) {
  if constexpr (kProduct) return load(x + p * kLanes) * load(b + p * kLanes);
  return load(x + p * kLanes);
}

// The sum of one run.
template <bool kProduct>
Vector sum_run(const float* x, const float* b, int64_t pixels) {
  Vector part[kParts] = {};
  int64_t p = 0;
  for (; p + kParts <= pixels; p += kParts) {
    STRIATE_UNROLL
    for (int i = 0; i < kParts; ++i) part[i] += term<kProduct>(x, b, p + i);
  }
  for (; p < pixels; ++p) part[0] += term<kProduct>(x, b, p);
  STRIATE_UNROLL
  for (int step = kParts / 2; step > 0; step /= 2) {
    STRIATE_UNROLL
    for (int i = 0; i < step; ++i) part[i] += part[i + step];
  }
  return part[0];
}

template <bool kProduct>
Vector sum_part(const SumsShape& s, const Buffers& b, int64_t n, int64_t stop, int64_t block) {
  const int64_t at = block * s.pixels * kLanes;
  Vector total{};
  for (; n < stop; ++n) {
    const float* x = b.in[0] + n * s.x_batch_stride + at;
    const float* other = kProduct ? b.in[1] + n * s.b_batch_stride + at : nullptr;
    for (int64_t p = 0; p < s.pixels; p += kRun * kParts) {
      const float* beside = kProduct ? other + p * kLanes : nullptr;
      total += sum_run<kProduct>(x + p * kLanes, beside, least(kRun * kParts, s.pixels - p));
    }
  }
  return total;
}

void add_parts(const SumsShape& s, const Split& split, const Buffers& b) {
  for (int64_t block = 0; block < split.blocks; ++block) {
    Vector total{};
    for (int64_t part = 0; part < split.parts; ++part) {
      total += load(b.shared + (part * split.blocks + block) * kLanes);
    }
    const int64_t used = used_lanes(s.channels, block);
    float* y = b.out[0] + block * kLanes;
    if (used == kLanes) {
      store_unaligned(y, total);
    } else {
      store_first(y, total, used);
    }
  }
}

void run(const SumsShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Split split = split_of(s);
  if (phase == 1) return add_parts(s, split, b);
  const auto sum = s.product ? sum_part<true> : sum_part<false>;
  float* y = s.images ? b.shared : b.out[0];
  const int64_t all = split.parts * split.blocks;
  for (int64_t i = first * split.sums; i < least(all, stop * split.sums); ++i) {
    const int64_t n = i / split.blocks * split.images;
    store(y + i * kLanes, sum(s, b, n, least(s.batch, n + split.images), i % split.blocks));
  }
}

}  // namespace

extern const Kernel<SumsShape> sums_blocks;
const Kernel<SumsShape> sums_blocks = {"blocks", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
