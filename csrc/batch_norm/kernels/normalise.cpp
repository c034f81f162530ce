// y = f((x - mean) * scale + bias + residual): bound by memory.
#include "batch_norm/kernels/channels.hpp"
#include "batch_norm/kernels/chunks.hpp"
#include "kernels/activate.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const BatchNormShape& s) {
  return s.mode == BatchNormMode::normalise;
}

Needs needs(const BatchNormShape& s, int) {
  Needs needs;
  needs.tasks[0] = chunks_of(s).tasks();
  return needs;
}

template <bool kResidual>
void normalise(const Channels& c, float low, float high, const float* x, const float* residual,
               int64_t pixels, float* y) {
  for (int64_t p = 0; p < pixels * kLanes; p += kLanes) {
    Vector v = normalised(c, load(x + p));
    if (kResidual) v += load(residual + p);
    store(y + p, between(low, v, high));
  }
}

void run_chunk(const BatchNormShape& s, const Buffers& b, const Chunk& chunk) {
  const Channels c = channels_of(s, chunk.block, b.in[1], b.in[2], b.in[3], b.in[4]);
  const bool clamp = s.activation.kind == Activation::clamp;
  const float low = clamp ? s.activation.alpha : -kInfinity;
  const float high = clamp ? s.activation.beta : kInfinity;
  const int64_t offset = chunk.offset(s);
  for (int64_t n = chunk.n; n < chunk.stop; ++n) {
    const float* x = b.in[0] + n * s.x_batch_stride + offset;
    float* y = b.out[0] + n * s.y_batch_stride + offset;
    if (s.residual) {
      const float* residual = b.in[5] + n * s.residual_batch_stride + offset;
      normalise<true>(c, low, high, x, residual, chunk.pixels, y);
    } else {
      normalise<false>(c, low, high, x, nullptr, chunk.pixels, y);
    }
    if (clamp || s.activation.kind == Activation::none) continue;
    activate(s.activation, y, y, chunk.pixels * kLanes);
    clear_lanes(y, chunk.pixels, used_lanes(s.channels, chunk.block));
  }
}

void run(const BatchNormShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const Chunks chunks = chunks_of(s);
  for (int64_t task = first; task < stop; ++task) {
    run_chunk(s, buffers, chunk_at(s, chunks, task));
  }
}

}  // namespace

extern const Kernel<BatchNormShape> batch_norm_normalise;
const Kernel<BatchNormShape> batch_norm_normalise = {"normalise", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
