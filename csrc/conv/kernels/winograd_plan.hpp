// How Winograd's kernels look at a convolution, and how they cut it into tasks.
//
// A tile is M outputs of an axis with a window of R taps: M x M in the plane (kernel RxR, or kxRxR,
// where the depth's taps are summed), M x 1 along a line (1x1xR, 1xRx1, Rx1x1). Its A = M + R - 1
// inputs an axis overlap the next tile's by R - 1. With dilation d an axis falls into d interleaved
// ones, each of which has tiles of its own:
//
//   outputs    0 1 2 3 4 5 6 7 8 9        d = 2, M = 2, R = 3
//   tile       0 3 0 3 1 4 1 4 2 5        tile 0 reads inputs 0 2 4 6, tile 3 inputs 1 3 5 7
//
// The tiles of all images form one list, counted by (image, outer map, down, across).
//
// An axis's last tile may have fewer outputs: m of M. They need m + R - 1 products, and which ones
// those are may be chosen (winograd_lines.hpp). So 14 outputs take 6 + 6 + 6 + 4 products of
// F(4,3), in the plane 484 for 576.
#pragma once

#include "conv/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kAllProducts = 64;  // of a tile along an axis, or more

// An axis with tiles of `width` outputs.
struct WinogradAxis {
  int64_t in, out;
  int64_t padding, stride, dilation;
  int64_t width;
  int64_t reach;           // from a tile's first input to its last
  int64_t runs;            // tiles of each of the interleaved axes
  int64_t tiles;           // of all
  int64_t x_step, y_step;  // floats from one of a tile's inputs, outputs to the next
  int64_t kept;            // products of a tile with fewer outputs

  bool trims() const { return kept < kAllProducts; }
};

struct WinogradPlan {
  bool plane;                  // A x A products a tile; else A
  int64_t products;            // of a tile
  int64_t in_blocks, in_full;  // blocks of input channels, of which all lanes are used
  int64_t in_rest;             // lanes used of the block behind those
  int64_t out_blocks, out_pairs;
  int64_t taps, weight_rows;        // taps of the depth; rows of a weight panel
  int64_t outer, outer_x, outer_y;  // maps side by side, and floats from one to the next
  WinogradAxis down, across;
  int64_t in_slices, slices, slice_x, slice_y;  // the depth, where it has taps
  int64_t depth_padding, depth_dilation;
  int64_t x_block, y_block, y_start;
  bool pool;      // the largest of 2x2 outputs is a pixel of y
  int64_t tiles;  // of a slice, of all images

  // The cut: see winograd.hpp.
  bool phased;
  int64_t tile_blocks, slice_blocks;
  int64_t block_tiles, block_slices, block_in_slices;  // of the largest block
  int64_t chunks;                                      // phased: parts of the tiles,
  int64_t input_groups, output_groups;                 // of the blocks of channels,
  int64_t pair_groups, product_tasks;                  // of the pairs, of products and pairs
  int64_t v_stride, q_stride;                          // floats from product to product

  bool trims() const { return down.trims() || across.trims(); }
};

STRIATE_INLINE WinogradAxis winograd_axis(const ConvShape& s, int axis, int64_t width) {
  WinogradAxis a;
  a.in = s.in[axis];
  a.out = s.out[axis];
  a.padding = s.padding[axis];
  a.stride = s.stride[axis];
  a.dilation = s.dilation[axis];
  a.width = width;
  a.reach = ((width - 1) * a.stride + s.kernel[axis] - 1) * a.dilation;
  a.runs = ceil_div(ceil_div(a.out, a.dilation), width);
  a.tiles = a.runs * least(a.dilation, a.out);
  int64_t x_pixel = kLanes, y_pixel = kLanes;
  for (int i = axis + 1; i < 3; ++i) {
    x_pixel *= s.in[i];
    y_pixel *= s.out_full[i];
  }
  a.x_step = x_pixel * a.dilation;
  a.y_step = y_pixel * a.dilation * s.out_step[axis];
  a.kept = kAllProducts;
  return a;
}

// `count` pixels with a window of one tap.
STRIATE_INLINE WinogradAxis untiled_axis(int64_t count) {
  return {count, count, 0, 1, 1, 1, 0, count, count, kLanes, kLanes, kAllProducts};
}

// Whether an axis has one tap, and places as pixels.
STRIATE_INLINE bool idle_axis(const ConvShape& s, int axis) {
  return s.kernel[axis] == 1 && s.stride[axis] == 1 && s.padding[axis] == 0 &&
         s.out[axis] == s.in[axis] && s.out_full[axis] == s.out[axis];
}

STRIATE_INLINE bool tiled_axis(const ConvShape& s, int axis, int64_t taps) {
  return s.kernel[axis] == taps && s.stride[axis] == 1;
}

// The one axis with so many taps, of a line; -1 in the plane.
STRIATE_INLINE int line_axis(const ConvShape& s, int64_t taps) {
  for (int axis = 0; axis < 3; ++axis) {
    if (tiled_axis(s, axis, taps) && idle_axis(s, (axis + 1) % 3) && idle_axis(s, (axis + 2) % 3)) {
      return axis;
    }
  }
  return -1;
}

STRIATE_INLINE bool winograd_fits(const ConvShape& s, int64_t taps) {
  if (s.groups != 1 || s.plain_input || s.plain_weight || s.scale) return false;
  if (s.pool && (s.dilation[1] != 1 || s.dilation[2] != 1)) return false;  // pairs lie side by side
  if (line_axis(s, taps) >= 0) return !s.pool;
  return tiled_axis(s, 1, taps) && tiled_axis(s, 2, taps) &&
         (idle_axis(s, 0) || (s.kernel[0] > 1 && s.stride[0] == 1));
}

STRIATE_INLINE int64_t pixels_behind(const int64_t* size, int axis) {
  int64_t pixels = 1;
  for (int i = axis + 1; i < 3; ++i) pixels *= size[i];
  return pixels;
}

// Floats of `count` products' distance: an odd number of 64-byte lines, or the products of a tile
// would fall into few sets of the cache.
STRIATE_INLINE constexpr int64_t odd_lines(int64_t floats) {
  return (ceil_div(floats, 16) | 1) * 16;
}

constexpr int64_t kWinogradCache = 512 * 1024;          // of a core's L2
constexpr int64_t kWinogradMaxTiles = 8 * kTilePixels;  // of a block, a chunk

// The numbers are from the measurements in docs/performance.md.
STRIATE_INLINE void winograd_cut(WinogradPlan& w) {
  const int64_t tile_bytes = w.products * (w.in_blocks + w.out_blocks) * kLanes * 4;  // V and Q
  const int64_t weight_bytes = w.products * w.weight_rows * w.out_blocks * kLanes * 4;
  const int64_t all = w.tiles * w.slices;
  const int64_t work = w.weight_rows * w.out_pairs * all;  // cycles of a product, about
  const int64_t reach = (w.taps - 1) * w.depth_dilation;
  // Weights that don't stay in L3 are read once rather than once a block: with 512 channels and
  // batch 16, that takes half as long. So are many that do, where V and Q stay there too; and few
  // tiles make too few blocks.
  constexpr int64_t kMega = 1024 * 1024;
  w.phased = weight_bytes >= 24 * kMega ||
             (weight_bytes >= 8 * kMega && all * tile_bytes <= 16 * kMega) ||
             (all < 2 * kTilePixels && w.products * work >= 20000);
  w.block_slices = w.phased ? w.slices : least(w.slices, 4);
  // V and Q fill L2, and more where that is less than a few microtiles: each product's are soon
  // done with, while the weights are read again in every block.
  const int64_t room = kWinogradCache / (tile_bytes * w.block_slices * kTilePixels);
  const int64_t fewest = kLanes == 16 ? 2 : weight_bytes >= 4 * kMega ? 4 : 3;
  int64_t tiles = most(fewest, least(room, 8)) * kTilePixels;
  if (w.taps > 1) tiles = most(tiles / w.block_slices, 2 * kTilePixels);
  // Four blocks keep two threads busy to the end, and nine would not.
  tiles = most(kTilePixels, least(tiles, ceil_div(all, 4 * w.block_slices)));
  if (w.phased) tiles = w.tiles;
  w.tile_blocks = ceil_div(w.tiles, tiles);
  w.slice_blocks = ceil_div(w.slices, w.block_slices);
  if (w.slice_blocks == 1 && w.tile_blocks > 1 && w.tile_blocks < 16) {
    w.tile_blocks += w.tile_blocks % 2;
  }
  w.block_tiles = ceil_div(w.tiles, w.tile_blocks);
  w.block_slices = ceil_div(w.slices, w.slice_blocks);
  w.block_in_slices = w.taps == 1 ? 1 : least(w.in_slices, w.block_slices + reach);
  // Tasks of a phase: about 50 transforms of a block of channels, 20,000 cycles of a product.
  w.chunks = ceil_div(w.tiles, kWinogradMaxTiles);
  const int64_t group = most(1, kWinogradMaxTiles / w.tiles);
  w.input_groups = ceil_div(w.in_blocks, group);
  w.output_groups = ceil_div(w.out_blocks, group);
  w.pair_groups = least(w.out_pairs, ceil_div(work, 20000));
  const int64_t units = w.products * w.pair_groups;
  w.product_tasks = least(units, ceil_div(w.products * work, 20000));
  w.v_stride = odd_lines(w.block_in_slices * w.in_blocks * w.block_tiles * kLanes);
  w.q_stride = odd_lines(w.block_slices * w.out_blocks * w.block_tiles * kLanes);
}

// Let tiles with fewer outputs do with fewer products. Dilated axes have several last tiles.
template <int M, int R>
STRIATE_INLINE void trim_axis(WinogradAxis& a) {
  if (a.width == M && a.dilation == 1 && a.out % M != 0) a.kept = a.out % M + R - 1;
}

// In a phase with several chunks each would have some: there all tiles are whole.
template <int M, int R>
STRIATE_INLINE WinogradPlan trimmed(WinogradPlan w) {
  if (w.phased && w.chunks > 1) return w;
  trim_axis<M, R>(w.down);
  trim_axis<M, R>(w.across);
  return w;
}

template <int M, int R>
STRIATE_INLINE WinogradPlan winograd_plan(const ConvShape& s) {
  WinogradPlan w;
  const int line = line_axis(s, R);
  w.plane = line < 0;
  w.products = w.plane ? (M + R - 1) * (M + R - 1) : M + R - 1;
  w.in_blocks = ceil_div(s.in_channels, kLanes);
  w.in_full = s.in_channels / kLanes;
  w.in_rest = s.in_channels % kLanes;
  w.out_blocks = ceil_div(s.out_channels, kLanes);
  w.out_pairs = ceil_div(w.out_blocks, 2);
  w.x_block = s.in_pixels() * kLanes;
  w.y_block = s.full_pixels() * kLanes;
  w.pool = s.pool;
  w.y_start = 0;
  for (int i = 0; i < 3; ++i) w.y_start += s.out_start[i] * pixels_behind(s.out_full, i) * kLanes;
  w.taps = 1;
  w.outer = w.in_slices = w.slices = 1;
  w.slice_x = w.slice_y = w.depth_padding = 0;
  w.depth_dilation = 1;
  if (w.plane) {
    w.down = winograd_axis(s, 1, M);
    w.across = winograd_axis(s, 2, M);
    w.outer_x = pixels_behind(s.in, 0) * kLanes;
    w.outer_y = pixels_behind(s.out_full, 0) * kLanes * s.out_step[0];
    if (s.kernel[0] == 1) {
      w.outer = s.in[0];
    } else {
      w.taps = s.kernel[0];
      w.in_slices = s.in[0];
      w.slices = s.out[0];
      w.slice_x = w.outer_x;
      w.slice_y = w.outer_y;
      w.depth_padding = s.padding[0];
      w.depth_dilation = s.dilation[0];
    }
  } else {
    w.down = winograd_axis(s, line, M);
    w.across = untiled_axis(pixels_behind(s.in, line));
    for (int i = 0; i < line; ++i) w.outer *= s.in[i];
    w.outer_x = s.in[line] * pixels_behind(s.in, line) * kLanes;
    w.outer_y = s.out_full[line] * pixels_behind(s.out_full, line) * kLanes;
  }
  w.weight_rows = w.taps * s.in_channels;
  w.tiles = s.batch * w.outer * w.down.tiles * w.across.tiles;
  winograd_cut(w);
  return w;
}

// Where a tile's first input lies, and its outputs.
struct WinogradTile {
  int64_t x, y, residual;        // floats behind the operands' first; x may lie before it
  int64_t down, across;          // its first input on the axes, in pixels
  int64_t out_down, out_across;  // how many of its outputs there are
  bool inside;                   // all inputs lie in the map, a row's side by side; no product less
};

struct WinogradRange {
  int64_t first, stop;
  int64_t count() const { return stop - first; }
};

}  // namespace striate::STRIATE_TARGET
