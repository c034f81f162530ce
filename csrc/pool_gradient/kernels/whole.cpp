// Means of whole maps: every pixel gets the same share of its channel's gradient.
#include "kernels/vector.hpp"
#include "pool/kernels/reads.hpp"
#include "pool_gradient/kernels/split.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const PoolGradientShape& s) {
  if (!s.pool.average) return false;
  for (int axis = 0; axis < 3; ++axis) {
    if (s.pool.out[axis] != 1) return false;
    const Reads reads = reads_of(s.pool, axis, 0);
    if (reads.first != 0 || reads.step != 1 || reads.stop != s.pool.in[axis]) return false;
  }
  return true;
}

Needs needs(const PoolGradientShape& s, int) {
  Needs needs;
  needs.tasks[0] = gradient_split_of(s.pool).tasks();
  return needs;
}

void run(const PoolGradientShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  int64_t count = 1;
  for (int axis = 0; axis < 3; ++axis) count *= reads_of(s.pool, axis, 0).count;
  const Vector divisor = broadcast(static_cast<float>(s.pool.divisor > 0 ? s.pool.divisor : count));
  const int64_t row = s.pool.in[2];
  each_part(s, b, first, stop, [&](const Part& part) STRIATE_LAMBDA {
    const Vector share = load(part.gy) / divisor;
    for (int64_t p = part.first * row; p < part.stop * row; ++p) store(part.gx + p * kLanes, share);
  });
}

}  // namespace

extern const Kernel<PoolGradientShape> pool_gradient_whole;
const Kernel<PoolGradientShape> pool_gradient_whole = {"whole", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
