// How the direct kernel cuts the gradient into parts: the channels of x and of gy that a task
// takes.
#pragma once

#include "conv_weight/kernels/bands.hpp"
#include "conv_weight/kernels/chunks.hpp"
#include "conv_weight/kernels/gather.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kMostMerged = 64;        // groups
constexpr int64_t kPartialFloats = 32768;  // of a task: 128 KiB of L2
constexpr int64_t kLeastBlocks = 5;        // of a turned layer's x
constexpr int64_t kMapBlocks = 16;         // of x, of a task: 96 KiB a band

struct Plan {
  bool turned;                        // x and gy have changed places
  ConvWeightShape given;              // of the maps as they lie in memory: flat
  int64_t images;                     // side by side
  ConvWeightShape s;                  // of the maps as they are read: perhaps gathered
  int64_t groups, channels, outputs;  // of the merged groups
  int64_t blocks, vectors;            // of x and of gy, of a group
  int64_t sets;                       // of up to 3 vectors
  int64_t block_ranges, set_ranges;   // tasks of a group
  int64_t parts, chunks;
  Bands bands;
  int64_t part_floats;          // partial sums of the largest part, those of gy behind them
  int64_t x_floats, gy_floats;  // of gathered maps

  int64_t cell_floats() const { return s.taps() * kLanes * kLanes; }  // a block by a vector
  int64_t first_vector(int64_t set) const { return cut(vectors, sets, set); }
};

STRIATE_INLINE int64_t merged_groups(const ConvWeightShape& s) {
  const int64_t channels = s.in_channels / s.groups, outputs = s.out_channels / s.groups;
  for (int64_t m = 1; m < s.groups; ++m) {
    if (s.groups % m == 0 && m * channels % kLanes == 0 && m * outputs % kLanes == 0) return m;
  }
  return s.groups;
}

// A pointwise layer's products are the same whichever map is called x; with x's channels in the
// lanes, rows of gw are written as they are. Not where they fill no set of vectors, where more
// lanes would be idle, or where few tiles beside each set would leave little time to fetch the
// next.
STRIATE_INLINE bool turns(const ConvWeightShape& flat) {
  if (!pointwise(flat) || flat.groups > 1 || flat.bias) return false;
  const int64_t in = ceil_div(flat.in_channels, kLanes), out = ceil_div(flat.out_channels, kLanes);
  const int64_t lanes = in * flat.out_channels, others = out * flat.in_channels;  // turned, and not
  const bool few = out > 1 && out < kLeastBlocks;
  return in >= kTileVectors && (few ? lanes < others : lanes <= others);
}

STRIATE_INLINE ConvWeightShape turned(const ConvWeightShape& flat) {
  ConvWeightShape t = flat;
  t.in_channels = flat.out_channels;
  t.out_channels = flat.in_channels;
  t.x_batch_stride = flat.y_batch_stride;
  t.y_batch_stride = flat.x_batch_stride;
  return t;
}

STRIATE_INLINE Plan plan(const ConvWeightShape& shape) {
  Plan p;
  p.given = flattened(shape);
  p.turned = turns(p.given);
  if (p.turned) p.given = turned(p.given);
  p.images = gathered_images(p.given);
  p.s = gathered(p.given, p.images);
  p.groups = p.s.groups / merged_groups(p.s);
  p.channels = p.s.in_channels / p.groups;
  p.outputs = p.s.out_channels / p.groups;
  p.blocks = ceil_div(p.channels, kLanes);
  p.vectors = ceil_div(p.outputs, kLanes);
  p.sets = ceil_div(p.vectors, kTileVectors);
  p.bands = cut_bands(p.s, p.s.out[0]);
  const int64_t set_floats = kTileVectors * p.cell_floats();
  const int64_t blocks = most(1, least(kMapBlocks, kPartialFloats / set_floats));
  p.block_ranges = ceil_div(p.blocks, blocks);
  const int64_t sets = most(1, kPartialFloats / (set_floats * ceil_div(p.blocks, p.block_ranges)));
  p.set_ranges = ceil_div(p.sets, sets);
  p.chunks = chunks_of(p.bands.count(), p.groups * p.block_ranges * p.set_ranges);
  // Where there are few bands, smaller parts, which read x once more each.
  const int64_t wanted = ceil_div(kTasks, p.groups * p.block_ranges * p.chunks);
  p.set_ranges = most(p.set_ranges, least(p.sets, wanted));
  p.parts = p.groups * p.block_ranges * p.set_ranges;
  const int64_t vectors = least(p.vectors, ceil_div(p.sets, p.set_ranges) * kTileVectors);
  p.part_floats = vectors * ceil_div(p.blocks, p.block_ranges) * p.cell_floats();
  if (shape.bias) p.part_floats += vectors * kLanes;
  p.part_floats = ceil_div(p.part_floats, 16) * 16;
  p.x_floats = p.images > 1 ? p.s.batch * p.s.x_batch_stride : 0;
  p.gy_floats = p.images > 1 ? p.s.batch * p.s.y_batch_stride : 0;
  return p;
}

// Sets of vectors of gy by blocks of x, of a group.
struct Part {
  int64_t group, first_set, stop_set, first_block, stop_block;

  int64_t blocks() const { return stop_block - first_block; }
};

STRIATE_INLINE Part part_of(const Plan& p, int64_t i) {
  const int64_t set = i % p.set_ranges, block = i / p.set_ranges % p.block_ranges;
  return {i / p.set_ranges / p.block_ranges, cut(p.sets, p.set_ranges, set),
          cut(p.sets, p.set_ranges, set + 1), cut(p.blocks, p.block_ranges, block),
          cut(p.blocks, p.block_ranges, block + 1)};
}

// Where the sums of a set of vectors and a block begin among those of a part.
STRIATE_INLINE int64_t place(const Plan& p, const Part& part, int64_t set, int64_t block) {
  const int64_t vector = p.first_vector(set), count = p.first_vector(set + 1) - vector;
  return ((vector - p.first_vector(part.first_set)) * part.blocks() +
          (block - part.first_block) * count) *
         p.cell_floats();
}

STRIATE_INLINE int64_t bias_place(const Plan& p, const Part& part, int64_t vector) {
  return place(p, part, part.stop_set - 1, part.stop_block) +
         (vector - p.first_vector(part.first_set)) * kLanes;
}

}  // namespace striate::STRIATE_TARGET
