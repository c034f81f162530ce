// How a batch norm's maps are shared out: a task is a chunk of one block of channels.
//
//   chunk     some whole images of 2048 pixels together, or 2048 pixels of one: 64 KiB of a map
//             for AVX2, which stay in L2 from pass to pass
//   task      chunk * blocks + block: neighbours in memory are neighbours
//
// Sums of a chunk go to the task's cell of the shared scratch, and are put together in the order of
// the chunks: which they are depends on the shape alone.
#pragma once

#include "batch_norm/shape.hpp"
#include "kernels/lanes.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kChunk = 2048;  // pixels

struct Chunks {
  int64_t blocks;
  int64_t images;  // of a chunk
  int64_t parts;   // of an image: 1, or `images` is 1
  int64_t count;   // chunks

  int64_t tasks() const { return count * blocks; }
};

STRIATE_INLINE Chunks chunks_of(const BatchNormShape& s) {
  Chunks c;
  c.blocks = ceil_div(s.channels, kLanes);
  c.images = most(1, kChunk / s.pixels);
  c.parts = ceil_div(s.pixels, kChunk);
  c.count = ceil_div(s.batch, c.images) * c.parts;
  return c;
}

// Pixels first .. first + pixels - 1 of a block of images n .. stop - 1.
struct Chunk {
  int64_t block, n, stop, first, pixels;

  int64_t count() const { return (stop - n) * pixels; }
  // Of the block's pixel `first` in image 0.
  int64_t offset(const BatchNormShape& s) const { return (block * s.pixels + first) * kLanes; }
};

STRIATE_INLINE Chunk chunk_at(const BatchNormShape& s, const Chunks& c, int64_t task) {
  const int64_t at = task / c.blocks, n = at / c.parts * c.images, part = at % c.parts;
  const int64_t first = cut(s.pixels, c.parts, part);
  return {task % c.blocks, n, least(s.batch, n + c.images), first,
          cut(s.pixels, c.parts, part + 1) - first};
}

}  // namespace striate::STRIATE_TARGET
