// Mean and variance of each channel over the batch and all pixels: x is read once.
//
//   0  a chunk, in pieces of 128 pixels: sums of differences from the mean of the piece's first 8,
//      and of their squares; pieces are put together by Chan, Golub and LeVeque 1983
//   1  a block of channels: its chunks put together in float64
//
// Squares are always those of differences from a mean near by, so that a mean that is large beside
// the deviation costs no digits: the mean of 8 of 128 numbers is never further than 4 deviations
// from that of all, whatever they are. Means of pieces are kept as differences from the first
// one's.
//
//   shared: cells [chunk][block][first piece's mean | the chunk's minus that | squares][L]
#include "kernels/moments.hpp"

#include "batch_norm/kernels/chunks.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kPiece = 128, kHead = 8;  // pixels
constexpr int64_t kCell = 3 * kLanes;

bool fits(const BatchNormShape& s) {
  return s.mode == BatchNormMode::moments;
}

Needs needs(const BatchNormShape& s, int) {
  const Chunks chunks = chunks_of(s);
  Needs needs;
  needs.shared_floats = ceil_div(chunks.tasks() * kCell, 16) * 16;
  needs.phases = 2;
  needs.tasks[0] = chunks.tasks();
  needs.tasks[1] = chunks.blocks;
  return needs;
}

struct Gathered {
  float count;
  Vector first, mean, squares;
};

STRIATE_INLINE void join_piece(Gathered& all, const float* x, int64_t pixels) {
  const float count = static_cast<float>(pixels), share = 1 / count;
  const int64_t head = least(kHead, pixels);
  Vector sum, squares;
  centred_sums(x, head, Vector{}, &sum, &squares);
  const Vector mean = sum * (1 / static_cast<float>(head));
  centred_sums(x, pixels, mean, &sum, &squares);
  const Vector rest = sum * share;
  squares -= sum * rest;
  if (all.count == 0) {
    all = {count, mean, rest, squares};
    return;
  }
  const float both = all.count + count;
  const Vector apart = (mean - all.first) + rest - all.mean;
  all.mean += apart * (count / both);
  all.squares += squares + apart * apart * (all.count * (count / both));
  all.count = both;
}

void measure(const BatchNormShape& s, const Chunk& chunk, const float* x, float* cell) {
  Gathered all = {};
  for (int64_t n = chunk.n; n < chunk.stop; ++n) {
    const float* image = x + n * s.x_batch_stride + chunk.offset(s);
    for (int64_t p = 0; p < chunk.pixels; p += kPiece) {
      join_piece(all, image + p * kLanes, least(kPiece, chunk.pixels - p));
    }
  }
  store(cell, all.first);
  store(cell + kLanes, all.mean);
  store(cell + 2 * kLanes, all.squares);
}

void put_together(const BatchNormShape& s, const Chunks& chunks, int64_t block,
                  const Buffers& buffers) {
  const double count = static_cast<double>(s.batch) * static_cast<double>(s.pixels);
  double mean[kLanes] = {}, squares[kLanes] = {};
  for (int64_t i = 0; i < chunks.count; ++i) {
    const int64_t task = i * chunks.blocks + block;
    const double share = static_cast<double>(chunk_at(s, chunks, task).count()) / count;
    const float* cell = buffers.shared + task * kCell;
    for (int lane = 0; lane < kLanes; ++lane) {
      mean[lane] += share * (static_cast<double>(cell[lane]) + cell[kLanes + lane]);
    }
  }
  for (int64_t i = 0; i < chunks.count; ++i) {
    const int64_t task = i * chunks.blocks + block;
    const double part = static_cast<double>(chunk_at(s, chunks, task).count());
    const float* cell = buffers.shared + task * kCell;
    for (int lane = 0; lane < kLanes; ++lane) {
      const double apart = static_cast<double>(cell[lane]) + cell[kLanes + lane] - mean[lane];
      squares[lane] += cell[2 * kLanes + lane] + part * apart * apart;
    }
  }
  Vector means, variances;
  for (int lane = 0; lane < kLanes; ++lane) {
    means[lane] = static_cast<float>(mean[lane]);
    variances[lane] = static_cast<float>(squares[lane] / count);
  }
  store_channels(buffers.out[0], means, s.channels, block);
  store_channels(buffers.out[1], variances, s.channels, block);
}

void run(const BatchNormShape& s, const Buffers& buffers, int phase, int64_t first, int64_t stop) {
  const Chunks chunks = chunks_of(s);
  for (int64_t task = first; task < stop; ++task) {
    if (phase == 0) {
      measure(s, chunk_at(s, chunks, task), buffers.in[0], buffers.shared + task * kCell);
    } else {
      put_together(s, chunks, task, buffers);
    }
  }
}

}  // namespace

extern const Kernel<BatchNormShape> batch_norm_moments;
const Kernel<BatchNormShape> batch_norm_moments = {"moments", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
