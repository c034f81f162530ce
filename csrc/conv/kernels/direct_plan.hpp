// How direct.cpp cuts a convolution: blocks of output pixels, ranges of output channels, and what
// memory they take. Only for direct.cpp.
#pragma once

#include "conv/kernels/dense.hpp"
#include "conv/shape.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kPixels = 112;           // of a block
constexpr int64_t kLeastPixels = 56;       // of a small map's, where regions are copied
constexpr int64_t kMostPixels = 256;       // room in the list of pixels
constexpr int64_t kLeastRow = 6;           // pixels of a tile of its own
constexpr int64_t kRegionFloats = 131072;  // 512 KiB: read a segment of K at a time
constexpr int64_t kOutputFloats = 32768;   // of a task, read and written once a segment
constexpr int64_t kTasks = 16;             // so that several threads share them evenly
constexpr int64_t kOwnTasks = 8;           // the same, where tasks pack what they read
constexpr int64_t kOwnPanels = 6;          // of such a task, at most: a segment is a fifth of L2
constexpr int64_t kMostMerged = 64;        // groups
constexpr int64_t kTaskFlops = 2'000'000;  // 20-40 us

struct DirectAxis {
  int64_t out, parts;  // places, cut into near-equal parts
  int64_t stride, dilation, kernel, padding, in;
  int64_t place, tap, size;  // of the region: place i, tap u at i * place + u * tap
  bool sparse;
};

struct DirectPlan {
  int64_t merged, groups;     // groups of the shape that are one, and how many such there are
  int64_t channels, outputs;  // of such a one
  DirectAxis axis[3];
  bool in_place;
  bool shared;             // regions are copied in a phase of their own
  bool scale_weights;      // instead of the map
  bool flat;               // 1x1 and stride 1: one axis of all pixels
  int64_t cell;            // floats of a pixel: L, or 1 of plain input
  int64_t channel_blocks;  // of a group, the partly used one included
  int64_t inner;           // taps that are blocks of K: all, or without the width
  int64_t depth, last_depth, depth_all;
  int64_t vectors, panels, ranges;
  int64_t region_floats, output_floats, weight_floats;  // the last of a group
  int64_t image_parts, images;                          // small flat maps are one block together
  int64_t spatial;                                      // blocks of pixels of an image
  bool scatter;                                         // outputs do not follow one another in y
  bool apart;                                           // outputs are written to scratch first
};

static void shape_axis(DirectAxis& a, int64_t parts, bool dense) {
  a.parts = parts;
  const int64_t places = ceil_div(a.out, parts);
  const int64_t stretch = (places - 1) * a.stride + (a.kernel - 1) * a.dilation + 1;
  a.sparse = !dense && places * a.kernel < stretch;
  a.place = a.sparse ? 1 : a.stride;
  a.tap = a.sparse ? places : a.dilation;
  a.size = a.sparse ? places * a.kernel : stretch;
}

static int64_t largest(const DirectAxis& a) {
  return ceil_div(a.out, a.parts);
}

static void shape_region(DirectPlan& p, const int64_t* parts, bool dense_width) {
  int64_t floats = p.channel_blocks * p.cell;
  for (int i = 0; i < 3; ++i) {
    shape_axis(p.axis[i], parts[i], i == 2 && dense_width);
    floats *= p.axis[i].size;
  }
  p.region_floats = p.in_place ? 0 : floats;
}

// Cut the output into blocks of about so many pixels, squares rather than
// stripes: the less is read twice.
static void choose_blocks(DirectPlan& p, bool dense_width, int64_t pixels) {
  const int64_t depth = p.axis[0].out, height = p.axis[1].out, width = p.axis[2].out;
  const bool stripe = depth * height == 1;
  int64_t parts[3];
  parts[2] = stripe ? ceil_div(width, pixels) : ceil_div(width, 56);
  const int64_t columns = ceil_div(width, parts[2]);
  parts[1] = ceil_div(height, least(height, most(1, pixels / columns)));
  const int64_t rows = ceil_div(height, parts[1]);
  parts[0] = parts[1] > 1 || parts[2] > 1
                 ? depth
                 : ceil_div(depth, least(depth, most(1, pixels / (rows * columns))));
  shape_region(p, parts, dense_width);
  while (p.region_floats > kRegionFloats) {
    if (largest(p.axis[0]) > 1) {
      parts[0] = least(parts[0] * 2, depth);
    } else if (largest(p.axis[1]) > 1 &&
               (largest(p.axis[1]) * 2 > largest(p.axis[2]) || largest(p.axis[2]) <= 28)) {
      parts[1] = least(parts[1] * 2, height);
    } else if (largest(p.axis[2]) > 28) {
      parts[2] *= 2;
    } else {
      break;
    }
    shape_region(p, parts, dense_width);
  }
}

// The fewest groups that fill vectors together; all of them, if no smaller number does.
static int64_t merged_groups(const ConvShape& s) {
  const int64_t channels = s.in_channels / s.groups, outputs = s.out_channels / s.groups;
  for (int64_t m = 1; m < s.groups; ++m) {
    if (s.groups % m == 0 && m * channels % kLanes == 0 && m * outputs % kLanes == 0) return m;
  }
  return s.groups;
}

static int64_t units(const DirectPlan& p) {
  return p.image_parts * p.groups * p.spatial;
}

static DirectPlan direct_plan(const ConvShape& s) {
  DirectPlan p;
  p.merged = merged_groups(s);
  p.groups = s.groups / p.merged;
  p.channels = s.in_channels / p.groups;
  p.outputs = s.out_channels / p.groups;
  const int64_t channels = p.channels;
  p.flat = s.taps() == 1;
  p.in_place = true;
  p.scatter = !s.unit_output();
  for (int i = 0; i < 3; ++i) {
    DirectAxis& a = p.axis[i];
    a.out = s.out[i];
    a.in = s.in[i];
    a.stride = s.stride[i];
    a.dilation = s.dilation[i];
    a.kernel = s.kernel[i];
    a.padding = s.padding[i];
    p.flat = p.flat && a.stride == 1 && a.padding == 0 && a.in == a.out;
    p.scatter = p.scatter || s.out_full[i] != a.out;
    p.in_place = p.in_place && a.padding <= 0 &&
                 (a.out - 1) * a.stride - a.padding + (a.kernel - 1) * a.dilation < a.in;
  }
  p.flat = p.flat && !p.scatter;
  if (p.flat) {
    p.axis[2].out = p.axis[2].in = s.in_pixels();
    p.axis[0].out = p.axis[0].in = p.axis[1].out = p.axis[1].in = 1;
  }
  const bool wide = s.plain_input && s.dilation[2] == 1;  // k runs along the width
  p.cell = s.plain_input ? 1 : kLanes;
  p.channel_blocks = s.plain_input ? channels : ceil_div(channels, kLanes);
  p.inner = wide ? s.kernel[0] * s.kernel[1] : s.taps();
  p.depth = wide ? s.kernel[2] : s.plain_input ? 1 : kLanes;
  p.last_depth = s.plain_input || channels % kLanes == 0 ? p.depth : channels % kLanes;
  p.depth_all = p.inner * ((p.channel_blocks - 1) * p.depth + p.last_depth);
  p.vectors = ceil_div(p.outputs, kLanes);
  p.panels = panels_of(p.vectors);
  p.weight_floats = p.vectors * kLanes * p.depth_all;
  const int64_t maps = s.batch * p.groups;
  const bool strided = s.stride[0] * s.stride[1] * s.stride[2] > 1;
  if (s.taps() == 1 && strided && p.panels > 1) p.in_place = false;  // whole lines for each pixel
  p.scale_weights = s.scale && p.in_place && s.taps() == 1 && p.groups == 1 &&
                    p.weight_floats <= s.in_pixels() * channels;
  p.in_place = p.in_place && (!s.scale || p.scale_weights);
  const int64_t wanted = most(kLeastPixels, maps * s.out_pixels() / kTasks);
  choose_blocks(p, wide, p.in_place ? kPixels : least(kPixels, wanted));
  p.spatial = p.axis[0].parts * p.axis[1].parts * p.axis[2].parts;
  const bool whole = p.flat && p.spatial == 1;  // a block is all of an image
  const bool together = whole && p.in_place && !s.plain_input && !s.scale;
  const int64_t block = s.plain_weight ? kMostPixels : kPixels;  // weights are packed for each
  p.image_parts = ceil_div(s.batch, together ? most(1, block / s.in_pixels()) : 1);
  p.images = ceil_div(s.batch, p.image_parts);
  const int64_t pixels = p.images * largest(p.axis[0]) * largest(p.axis[1]) * largest(p.axis[2]);
  const int64_t flops = 2 * pixels * p.vectors * kLanes * p.depth_all;
  const int64_t tasks = units(p);
  p.ranges = tasks > kTasks * 3 / 4 ? 1 : least(ceil_div(kTasks, tasks), flops / kTaskFlops);
  if (p.depth_all > kSegment) {
    p.ranges = most(p.ranges, ceil_div(pixels * p.vectors * kLanes, kOutputFloats));
  }
  if (s.plain_weight) p.ranges = most(ceil_div(kOwnTasks, tasks), ceil_div(p.panels, kOwnPanels));
  p.ranges = most(1, least(p.ranges, p.panels));
  p.shared = p.ranges > 1 && !p.in_place;
  // Tiles of few pixels, none of them of two images, cost more than copying does.
  const bool few = s.in_pixels() < kLeastRow;
  const bool strides = s.residual && s.residual_batch_stride != s.y_batch_stride;
  p.apart = p.scatter || (p.images > 1 && (few || strides));
  p.output_floats = p.apart ? (2 * ceil_div(p.panels, p.ranges) + 1) * pixels * kLanes : 0;
  return p;
}

static int64_t round_up(int64_t floats) {
  return ceil_div(floats, 16) * 16;
}

// Parts of its channel blocks in which a unit's region is copied.
static int64_t copy_parts(const DirectPlan& p) {
  return least(p.channel_blocks, ceil_div(kTasks, units(p)));
}

// Of the weights that a task packs, in its thread's scratch: behind its region and its outputs.
static int64_t own_weights_place(const DirectPlan& p) {
  return (p.shared ? 0 : round_up(p.region_floats)) + round_up(p.output_floats);
}

}  // namespace striate::STRIATE_TARGET
