// How int8x6.cpp cuts a convolution into tasks, and where what they read lies. Only for int8x6.cpp.
#pragma once

#include "conv/shape.hpp"
#include "kernels/digit_products.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kMostTaps = 128;
constexpr int64_t kMostStride = 4;
constexpr int64_t kGroupTiles = 2;         // of pixels, that are multiplied together
constexpr int64_t kRegionFloats = 196608;  // 768 KiB: it stays in L2 beside a panel of weights
constexpr int64_t kWholeFloats = 524288;   // 2 MiB, where weights are packed for each block
constexpr int64_t kTasks = 8;              // so that several threads share them evenly
constexpr int64_t kTaskFlops = 2'000'000;  // about 4 us
// Pixels of a block that may be halved for more tasks. Each reads all weights: of few, from L2.
constexpr int64_t kLargeBlock = 512, kSmallBlock = 128;
constexpr int64_t kFewWeights = 65536;  // floats

// An axis of the output: places, cut into near-equal parts; and what they read of the input.
//
//   place i, tap u reads position v = i * stride + u * dilation, which is position v / stride of
//   phase v % stride: a phase is read as if the stride were 1.
struct DigitAxis {
  int64_t out, in, kernel, stride, dilation, padding;
  int64_t step = 1;                 // places that stay together: pairs, where they are pooled
  int64_t parts = 1, places = 1;    // places of the largest part
  int64_t positions = 1;            // of a phase, that the places read
  int64_t pitch = 1;                // from a line along the next inner axis to the next one
  int64_t phases = 0;               // that taps fall on
  int64_t phase[kMostStride] = {};  // index of the phase of a remainder; -1 where no tap is
};

struct DigitPlan {
  int64_t groups, in_blocks, vectors;  // of a group: its vectors of input and output channels
  int64_t cells;                       // of a pixel
  DigitAxis axis[3];
  bool flat;  // 1x1 and stride 1: one axis of all pixels
  int64_t image_parts, images;
  int64_t pitch[4];      // cells from image to image, plane to plane, row to row and pixel to pixel
  int64_t span;          // cells of a phase
  int64_t layer_floats;  // of all phases of a cell's channels
  int64_t region_floats, most_floats;  // and of it the most that is wanted
  int64_t units, panels, ranges;       // blocks of outputs; pairs of vectors, cut into ranges
  bool shared;                         // inputs are split in a phase of their own
  int64_t panel_floats;                // of a whole panel's weights, and their units
};

static void shape_axis(DigitAxis& a, int64_t parts) {
  a.parts = parts;
  a.places = least(a.out, a.step * ceil_div(ceil_div(a.out, a.step), parts));
  const int64_t reach = (a.places - 1) * a.stride + (a.kernel - 1) * a.dilation + 1;
  a.positions = ceil_div(reach, a.stride);
  // Zeros behind a line are those in front of the next one.
  const int64_t behind = reach - a.padding - a.in;
  const int64_t both = parts == 1 ? most(0, least(a.padding, behind)) : 0;
  a.pitch = most(a.places, a.positions - both / a.stride);
}

// The region of a block with these parts.
static void shape_region(DigitPlan& p) {
  p.pitch[3] = 1;
  for (int i = 2; i >= 0; --i) p.pitch[i] = p.pitch[i + 1] * p.axis[i].pitch;
  int64_t last = (p.images - 1) * p.pitch[0], phases = 1;
  for (int i = 0; i < 3; ++i) {
    last += (p.axis[i].positions - 1) * p.pitch[i + 1];
    phases *= p.axis[i].phases;
  }
  p.span = last + kGroupTiles * kTileRows;  // tiles may reach over the end
  p.layer_floats = phases * p.span * kCellWords;
  p.region_floats = p.cells * p.layer_floats;
}

static int64_t units_of(const DigitPlan& p) {
  return p.image_parts * p.groups * p.axis[0].parts * p.axis[1].parts * p.axis[2].parts;
}

static int64_t pixels_of(const DigitPlan& p) {
  return p.images * p.axis[0].places * p.axis[1].places * p.axis[2].places;
}

// Cells from a block's first output pixel to its last one.
static int64_t cells_of(const DigitPlan& p, int64_t images, const int64_t (&count)[3]) {
  int64_t cells = (images - 1) * p.pitch[0] + 1;
  for (int i = 0; i < 3; ++i) cells += (count[i] - 1) * p.pitch[i + 1];
  return cells;
}

// The same of the largest.
static int64_t block_cells(const DigitPlan& p) {
  return cells_of(p, p.images, {p.axis[0].places, p.axis[1].places, p.axis[2].places});
}

// About a share of the places, but fewer, and one at least.
static int64_t fewer(int64_t places, double share) {
  return most(1, least(places - 1, static_cast<int64_t>(static_cast<double>(places) * share)));
}

// Keep about a share of what a block has, of the outermost axis that still can be cut: images, then
// planes, rows and columns.
static bool cut_block(DigitPlan& p, int64_t batch, double share) {
  if (p.images > 1) {
    p.image_parts = ceil_div(batch, fewer(p.images, share));
    p.images = ceil_div(batch, p.image_parts);
  } else {
    int i = 0;
    while (i < 3 && p.axis[i].places <= p.axis[i].step) ++i;
    if (i == 3) return false;
    DigitAxis& a = p.axis[i];
    const int64_t steps = fewer(ceil_div(a.places, a.step), share);
    shape_axis(a, ceil_div(ceil_div(a.out, a.step), steps));
  }
  shape_region(p);
  return true;
}

static DigitPlan digit_plan(const ConvShape& s) {
  DigitPlan p;
  p.groups = s.groups;
  p.in_blocks = ceil_div(s.in_channels / s.groups, kLanes);
  p.vectors = ceil_div(s.out_channels / s.groups, kLanes);
  p.cells = ceil_div(p.in_blocks, kCellBlocks);
  p.flat = s.taps() == 1 && s.unit_output() && !s.pool;
  for (int i = 0; i < 3; ++i) {
    DigitAxis& a = p.axis[i];
    a = {s.out[i], s.in[i], s.kernel[i], s.stride[i], s.dilation[i], s.padding[i]};
    a.step = s.pool && i > 0 ? 2 : 1;
    p.flat = p.flat && a.stride == 1 && a.padding == 0 && a.in == a.out && s.out_full[i] == a.out;
  }
  if (p.flat) {
    for (int i = 0; i < 2; ++i) p.axis[i].out = p.axis[i].in = 1;
    p.axis[2].out = p.axis[2].in = s.out_pixels();
  }
  for (DigitAxis& a : p.axis) {
    for (int64_t& phase : a.phase) phase = -1;
    for (int64_t u = 0; u < a.kernel; ++u) a.phase[u * a.dilation % a.stride] = 0;
    for (int64_t& phase : a.phase) {
      if (phase == 0) phase = a.phases++;
    }
    shape_axis(a, 1);
  }
  p.image_parts = 1;
  p.images = s.batch;
  shape_region(p);
  p.most_floats = s.plain_weight ? kWholeFloats : kRegionFloats;
  while (p.region_floats > p.most_floats) {
    if (!cut_block(p, s.batch, static_cast<double>(p.most_floats) / p.region_floats)) break;
  }
  const double macs = static_cast<double>(s.batch * s.out_pixels() * s.out_channels) *
                      static_cast<double>(s.in_channels / s.groups * s.taps());
  const int64_t wanted = static_cast<int64_t>(1 + least(kTasks - 1, 2 * macs / kTaskFlops));
  p.panels = ceil_div(p.vectors, 2);
  p.panel_floats = panel_floats(p.cells * s.taps());
  const bool few = p.panels * p.panel_floats <= kFewWeights;
  const int64_t least_pixels = few ? kSmallBlock : kLargeBlock;
  while (!s.plain_weight && units_of(p) < wanted && pixels_of(p) >= least_pixels) {
    if (!cut_block(p, s.batch, 0.5)) break;
  }
  p.units = units_of(p);
  p.ranges = most(1, least(p.panels, ceil_div(wanted, p.units)));
  p.shared = p.ranges > 1;
  return p;
}

}  // namespace striate::STRIATE_TARGET
