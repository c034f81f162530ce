// Copies of what a block of output pixels reads, zeros outside of the map included. Only for
// direct.cpp.
#pragma once

#include "conv/kernels/direct_plan.hpp"

namespace striate::STRIATE_TARGET {

// A block of output pixels: where it starts and how many places it has along
// each axis.
struct Places {
  int64_t first[3], count[3];
};

static Places places_of(const DirectPlan& p, int64_t block) {
  Places at;
  for (int i = 2; i >= 0; --i) {
    const DirectAxis& a = p.axis[i];
    const int64_t part = block % a.parts;
    block /= a.parts;
    at.first[i] = cut(a.out, a.parts, part);
    at.count[i] = cut(a.out, a.parts, part + 1) - at.first[i];
  }
  return at;
}

// Pixel of the map that pixel i of the region's axis is a copy of.
STRIATE_INLINE int64_t source(const DirectAxis& a, int64_t first, int64_t i) {
  const int64_t start = first * a.stride - a.padding;
  return a.sparse ? start + i % a.tap * a.stride + i / a.tap * a.dilation : start + i;
}

template <bool kPlain>
STRIATE_INLINE void copy_row(const DirectAxis& a, int64_t first, const float* row, Vector scale,
                             float* to) {
  constexpr int64_t kCell = kPlain ? 1 : kLanes;
  const int64_t count = a.sparse ? a.tap : a.size, step = a.sparse ? a.stride : 1;
  for (int64_t group = 0; group < a.size; group += count) {
    int64_t x = source(a, first, group), i = 0;
    for (; i < count; ++i, x += step, to += kCell) {
      if (x >= 0) break;
      if constexpr (kPlain) {
        *to = 0;
      } else {
        store(to, Vector{});
      }
    }
    for (; i < count && x < a.in; ++i, x += step, to += kCell) {
      if constexpr (kPlain) {
        *to = row[x];
      } else {
        store(to, load(row + x * kLanes) * scale);
      }
    }
    for (; i < count; ++i, to += kCell) {
      if constexpr (kPlain) {
        *to = 0;
      } else {
        store(to, Vector{});
      }
    }
  }
}

// Blocks first .. stop - 1 of the channels.
template <bool kPlain>
static void copy_blocks(const DirectPlan& p, const Places& at, const float* map, const float* scale,
                        float* region, int64_t first, int64_t stop) {
  const DirectAxis *depth = &p.axis[0], *height = &p.axis[1], *width = &p.axis[2];
  const int64_t row = width->size * p.cell, in_row = width->in * p.cell;
  region += first * depth->size * height->size * row;
  for (int64_t block = first; block < stop; ++block) {
    const Vector by = scale != nullptr ? load(scale + block * kLanes) : broadcast(1);
    for (int64_t i = 0; i < depth->size; ++i) {
      const int64_t z = source(*depth, at.first[0], i);
      for (int64_t j = 0; j < height->size; ++j, region += row) {
        const int64_t y = source(*height, at.first[1], j);
        if (z < 0 || z >= depth->in || y < 0 || y >= height->in) {
          for (int64_t x = 0; x < row; ++x) region[x] = 0;
          continue;
        }
        const float* from = map + ((block * depth->in + z) * height->in + y) * in_row;
        copy_row<kPlain>(*width, at.first[2], from, by, region);
      }
    }
  }
}

}  // namespace striate::STRIATE_TARGET
