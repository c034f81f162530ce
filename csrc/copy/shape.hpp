// Numbers moved, and nothing computed. in[0] = x, out[0] = y, which must not overlap.
//
//   mode       what it does                                                       x and y
//   strided    y[y_start + i . y_strides] = x[x_start + i . x_strides] for all i  plain
//              below `sizes` (1 to 6 axes); strides of x may be negative or 0
//              (flip, expand), those of y are positive. The rest of y stays.
//   channels   y[n, y_first + c] = x[n, x_first + x_step * c] for c < count;      blocked
//              with `groups`, c is dealt out: channel shuffle is
//              x[n, c % groups * (count / groups) + c / groups]
//   shuffle    y[c, h*r + i, w*r + j] = x[c*r*r + i*r + j, h, w], r = `factor`    blocked
//              `blocks_first`: x[(i*r + j)*C + c, h, w]
//   unshuffle  y[c*r*r + i*r + j, h, w] = x[c, h*r + i, w*r + j]                  blocked
//              `blocks_first`: y[(i*r + j)*C + c, h, w]
//   pixels     y[c, p] = x[c + x_first, p * step - before] along each axis;       blocked
//              outside of x by `border`: constant (`value`), reflect, replicate,
//              circular; `value` for channels that x has not. Pads, slices with
//              steps, rolled maps; a 1x1 map spread out is `replicate`.
//
// Arguments of all but strided: batch, x_channels, y_channels, in (three sizes of x),
// x_batch_stride, y_batch_stride; channels: x_first, x_step (1), y_first, count (those of y),
// groups (1); shuffle and unshuffle: factor, blocks_first; pixels: out, x_first (0, may be
// negative), step (1 1 1), before (0 0 0), border, value.
//
// Several `channels` steps make one y: each writes its channels and leaves others alone; the one
// that writes the last channel also puts 0 into the unused lanes behind it.
#pragma once

#include <cstdint>

#include "kernels/kernel.hpp"

namespace striate {

enum class CopyMode : int32_t { strided, channels, shuffle, unshuffle, pixels, count };
enum class Border : int32_t { constant, reflect, replicate, circular, count };

constexpr int kCopyAxes = 6;

struct CopyShape {
  CopyMode mode = CopyMode::strided;

  int axes = 0;  // of `strided`, the one with y's smallest stride last; joined where they can be
  int64_t sizes[kCopyAxes] = {}, x_strides[kCopyAxes] = {}, y_strides[kCopyAxes] = {};
  int64_t x_start = 0, y_start = 0;

  int64_t batch = 1, x_channels = 1, y_channels = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  int64_t x_batch_stride = 0, y_batch_stride = 0;
  int64_t x_first = 0, x_step = 1, y_first = 0, count = 0, groups = 1;
  int64_t factor = 1;
  bool blocks_first = false;
  int64_t step[3] = {1, 1, 1}, before[3] = {0, 0, 0};
  Border border = Border::constant;
  float value = 0;

  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
};

}  // namespace striate
