// Pooling of whole maps into one number a channel: the window holds every pixel, once.
//
// A map is one run of vectors: eight partial results hide the latency of an addition (4 cycles at
// two a cycle) and keep a mean's rounding small. Bound by reading the map.
#include "kernels/activate.hpp"
#include "kernels/joined.hpp"
#include "pool/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTaskVectors = 4096;  // read by a task: 128 or 256 KiB, 5 to 15 us
constexpr int kParts = 8;

int64_t maps_of_task(const PoolShape& s) {
  return most(1, kTaskVectors / s.in_pixels());
}

bool fits(const PoolShape& s) {
  if (s.places) return false;
  for (int axis = 0; axis < 3; ++axis) {
    if (s.out[axis] != 1) return false;
    if (s.adaptive) continue;
    const bool steps = s.kernel[axis] == 1 || s.dilation[axis] == 1;
    const bool holds = s.padding[axis] >= 0 && s.kernel[axis] - s.padding[axis] >= s.in[axis];
    if (!steps || !holds) return false;
  }
  return true;
}

Needs needs(const PoolShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(s.batch * ceil_div(s.channels, kLanes), maps_of_task(s));
  return needs;
}

template <bool kAverage>
static Vector reduce(const float* x, int64_t pixels) {
  Vector part[kParts];
  STRIATE_UNROLL
  for (int i = 0; i < kParts; ++i) part[i] = kAverage ? Vector{} : load(x);
  int64_t p = 0;
  for (; p + kParts <= pixels; p += kParts) {
    STRIATE_UNROLL
    for (int i = 0; i < kParts; ++i)
      part[i] = joined<kAverage>(part[i], load(x + (p + i) * kLanes));
  }
  for (; p < pixels; ++p) part[0] = joined<kAverage>(part[0], load(x + p * kLanes));
  STRIATE_UNROLL
  for (int step = kParts / 2; step > 0; step /= 2) {
    STRIATE_UNROLL
    for (int i = 0; i < step; ++i) part[i] = joined<kAverage>(part[i], part[i + step]);
  }
  return part[0];
}

// Pixels that the mean is over.
float divisor_of(const PoolShape& s) {
  if (s.divisor > 0) return static_cast<float>(s.divisor);
  int64_t count = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t padded = s.in[axis] + s.padding_after[axis] + s.padding[axis];
    count *= s.count_include_pad ? least(s.kernel[axis], padded) : s.in[axis];
  }
  return static_cast<float>(count);
}

void run(const PoolShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t blocks = ceil_div(s.channels, kLanes), maps = maps_of_task(s);
  const Vector divisor = broadcast(divisor_of(s));
  for (int64_t m = first * maps; m < least(stop * maps, s.batch * blocks); ++m) {
    const int64_t n = m / blocks, block = m % blocks;
    const float* x = b.in[0] + n * s.x_batch_stride + block * s.in_pixels() * kLanes;
    const Vector y =
        s.average ? reduce<true>(x, s.in_pixels()) / divisor : reduce<false>(x, s.in_pixels());
    store(b.out[0] + n * s.y_batch_stride + block * kLanes, activated(s.activation, y));
  }
}

}  // namespace

extern const Kernel<PoolShape> pool_whole;
const Kernel<PoolShape> pool_whole = {"whole", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
