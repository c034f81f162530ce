// Dense convolution as a matrix product that is never laid out: any filter,
// stride, dilation and padding, 1D to 3D, blocked or plain input.
//
//   y[o][p] = sum over blocks b (of input channels and taps), k of
//             x[pixel(p) + distance(b) + k] * w[o][b][k]
//
// A task computes a block of about 100 output pixels for a range of output channels. If windows
// leave the map (or the input is scaled), it first copies what these pixels read, zeros included:
//
//   region[c / L][z][y][x][c % L]       plain input: region[c][z][y][x]
//
//   an axis of the region is either the stretch of the map that the block covers:
//       0 . . x x x x x . . 0           place i, tap u at i * stride + u * dilation
//   or, where windows are sparse in it (large dilations), the places of one tap after the other's:
//       | tap 0: x x x | tap 1: x x x | tap 2: x x x |      at u * places + i
//
// The copy also brings the input into L2 at the rate of plain reading, and takes maps apart whose
// channel blocks are a power of two apart. Where all windows stay inside, the map is read in place.
// Where several tasks share a block of pixels (small maps), copying is a phase of its own. Instead
// of a map that is to be scaled, a 1x1 filter's weights are, if there are fewer of them.
//
// Groups of fewer channels than a vector are merged, with zeros where weights lead from one to the
// other: 32 groups of 4 channels are 16 of 8, for twice the multiply-adds.
//
// With blocked input, k runs over the lanes of a block of channels (only as many as are used in the
// last); with plain input along the filter's width, which lies in memory one behind the other.
// Blocks of K: [c / L][tap], or [c][tap row]; panels.hpp has the layout of the weights.
#include "conv/kernels/dense.hpp"
#include "conv/kernels/direct_plan.hpp"
#include "conv/kernels/direct_regions.hpp"
#include "conv/kernels/filters.hpp"
#include "conv/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const ConvShape& s) {
  if (s.pool || (s.plain_input && (s.scale || s.groups > 1))) return false;
  if (s.plain_weight && (s.plain_input || s.scale || s.taps() > 1)) return false;
  return merged_groups(s) <= kMostMerged;
}

Needs needs(const ConvShape& s, int) {
  const DirectPlan p = direct_plan(s);
  Needs needs;
  needs.weight_floats = s.plain_weight ? 0 : round_up(p.groups * p.weight_floats);
  needs.pack_tasks = p.groups * p.panels;
  needs.thread_floats = own_weights_place(p);
  if (s.plain_weight) {
    const int64_t vectors = 2 * ceil_div(p.panels, p.ranges) + 1;
    needs.thread_floats += round_up(vectors * kLanes * least(kSegment, p.depth_all));
  }
  if (p.shared) {
    needs.shared_floats = units(p) * round_up(p.region_floats);
    needs.tasks[needs.phases++ - 1] = units(p) * copy_parts(p);
  } else if (p.scale_weights) {
    needs.shared_floats = s.batch * round_up(p.weight_floats);
    needs.tasks[needs.phases++ - 1] = s.batch * p.panels;
  }
  needs.tasks[needs.phases - 1] = units(p) * p.ranges;
  return needs;
}

// All channels of a block become cells in one go.
bool packs_rows(const ConvShape& s, const DirectPlan& p) {
  return s.taps() == 1 && p.merged == 1 && !s.plain_input;
}

// Channels first .. stop - 1 of a panel of a merged group, by block of K, k and vector: channel c
// meets the outputs of its own group alone.
void pack_panel(const ConvShape& s, const DirectPlan& p, const Filters& w, int64_t group,
                int64_t panel, int64_t first_channel, int64_t stop_channel, float* to) {
  const int64_t channels = s.in_channels / s.groups, outputs = s.out_channels / s.groups;
  const int64_t output = 2 * panel * kLanes;  // of the merged group
  Cells cells = {};
  cells.output = w.output;
  cells.vectors = panel_vectors(p.vectors, panel);
  const int64_t cell = cells.vectors * kLanes;
  const bool rows = packs_rows(s, p);
  for (int64_t c = first_channel; c < stop_channel; c += rows ? kLanes : 1) {
    const int64_t first = c / channels * outputs;  // output of c's group
    const int64_t block = c / kLanes * kLanes, k = c % kLanes;
    const int64_t depth = s.plain_input ? 1 : least(kLanes, p.channels - block);
    cells.first = most(0, first - output);
    cells.stop = most(cells.first, first + outputs - output);
    cells.from = w.first + (group * p.merged + c / channels) * w.group +
                 (output + cells.first - first) * w.output + c % channels * w.channel;
    cells.to = to + (s.plain_input ? c * s.taps() : block * s.taps() + k) * cell;
    cells.to_step = depth * cell;
    if (rows) {
      cells.count = depth;
      cells.step = w.channel;
      cells.to_step = cell;
      pack_cells(cells);
    } else {
      pack_taps(s, w, cells);
    }
  }
}

// Where the panel of a task of packing begins.
int64_t panel_place(const DirectPlan& p, int64_t task) {
  return task / p.panels * p.weight_floats + 2 * (task % p.panels) * kLanes * p.depth_all;
}

// A matrix that is turned around is read row by row.
bool packs_by_rows(const ConvShape& s, const DirectPlan& p, const Filters& w) {
  return packs_rows(s, p) && w.output == 1;
}

// Panels first .. stop - 1 of all groups'; `to` is where the first one goes.
void pack_panels(const ConvShape& s, const DirectPlan& p, const Filters& w, int64_t first,
                 int64_t stop, float* to) {
  const int64_t step = packs_by_rows(s, p, w) ? kLanes : p.channels;
  for (int64_t c = 0; c < p.channels; c += step) {
    for (int64_t task = first; task < stop; ++task) {
      pack_panel(s, p, w, task / p.panels, task % p.panels, c, least(p.channels, c + step),
                 to + panel_place(p, task) - panel_place(p, first));
    }
  }
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t first, int64_t stop) {
  const DirectPlan p = direct_plan(s);
  pack_panels(s, p, w, first, stop, packed + panel_place(p, first));
  const int64_t floats = p.groups * p.weight_floats;
  if (stop < p.groups * p.panels) return;
  for (int64_t i = floats; i < round_up(floats); ++i) packed[i] = 0;
}

// One panel's weights times the scales of their channels.
void scale_panel(const DirectPlan& p, int64_t panel, const float* w, const float* scale,
                 float* scaled) {
  const int64_t nv = panel_vectors(p.vectors, panel);
  const int64_t start = 2 * panel * kLanes * p.depth_all;
  w += start;
  scaled += start;
  for (int64_t c = 0; c < p.channels; ++c) {
    const Vector by = broadcast(scale[c]);
    for (int64_t v = 0; v < nv; ++v, w += kLanes, scaled += kLanes) store(scaled, by * load(w));
  }
}

// Distances in what is read: the region, or the map.
struct Distances {
  int64_t place[3], tap[3], channel;
};

Distances distances_of(const DirectPlan& p) {
  Distances d;
  int64_t floats = p.cell;
  for (int i = 2; i >= 0; --i) {
    const DirectAxis& a = p.axis[i];
    d.place[i] = floats * (p.in_place ? a.stride : a.place);
    d.tap[i] = floats * (p.in_place ? a.dilation : a.tap);
    floats *= p.in_place ? a.in : a.size;
  }
  d.channel = floats;
  return d;
}

void list_pixels(const Distances& d, const Places& at, int64_t* pixel) {
  for (int64_t z = 0; z < at.count[0]; ++z) {
    for (int64_t y = 0; y < at.count[1]; ++y) {
      const int64_t row = z * d.place[0] + y * d.place[1];
      for (int64_t x = 0; x < at.count[2]; ++x) *pixel++ = row + x * d.place[2];
    }
  }
}

// Steps from each block of K to the next, from `first` on; the first is a distance from the pixel.
void list_steps(const ConvShape& s, const DirectPlan& p, const Distances& d, int64_t first,
                int64_t blocks, int64_t* step) {
  const int64_t width = p.inner == s.taps() ? s.kernel[2] : 1;
  int64_t channel = first / p.inner, tap = first % p.inner;
  int64_t x = tap % width, y = tap / width % s.kernel[1], z = tap / width / s.kernel[1];
  int64_t before = 0;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t now = channel * d.channel + z * d.tap[0] + y * d.tap[1] + x * d.tap[2];
    step[i] = now - before;
    before = now;
    if (++x < width) continue;
    x = 0;
    if (++y < s.kernel[1]) continue;
    y = 0;
    if (++z < s.kernel[0]) continue;
    z = 0;
    ++channel;
  }
}

// Pack channels first .. stop - 1 of a task's panels into its thread's scratch.
void pack_own(const ConvShape& s, const DirectPlan& p, const Buffers& b, const DenseBlock& t,
              int64_t group, int64_t first, int64_t stop) {
  Filters filters = s.filters;
  filters.first = b.in[3] + s.filters_start;
  float* const to = b.scratch + own_weights_place(p);
  const int64_t step = packs_by_rows(s, p, filters) ? kLanes : stop - first;
  for (int64_t c = first; c < stop; c += step) {
    for (int64_t panel = t.first_panel; panel < t.stop_panel; ++panel) {
      const int64_t before = 2 * (panel - t.first_panel) * (stop - first);
      const int64_t skipped = panel_vectors(p.vectors, panel) * first;
      pack_panel(s, p, filters, group, panel, c, least(stop, c + step),
                 to + (before - skipped) * kLanes);
    }
  }
}

// What the task packs next, meanwhile: channels from `first` on, or the first ones of the task
// behind it; with each tile some rows, a line of each with each block.
NextLines own_next(const ConvShape& s, const DirectPlan& p, const Buffers& b, const DenseBlock& t,
                   int64_t group, int64_t first, int64_t channels, int64_t blocks) {
  const Filters& w = s.filters;
  const bool last = first == p.depth_all;
  const int64_t panels = t.stop_panel - t.first_panel;
  const int64_t output = 2 * kLanes * (last ? t.stop_panel : t.first_panel);
  const int64_t outputs = least(p.outputs - output, panels * 2 * kLanes);
  if (outputs <= 0) return {};
  const bool by_channels = w.output == 1;
  const int64_t row = by_channels ? w.channel : w.output;
  const int64_t rows = by_channels ? channels : outputs;
  const int64_t lines = ceil_div(rows, panels * t.runs * dense_tiles(t, 0, 2));
  const float* const from = b.in[3] + s.filters_start + group * p.merged * w.group +
                            output * w.output + (last ? 0 : first) * w.channel;
  return {from, lines, row, kLineFloats, lines * row - blocks * kLineFloats};
}

// Blocks first .. stop - 1 of K, all of one depth, in near-equal segments.
int64_t run_segments(const ConvShape& s, const DirectPlan& p, const Buffers& b, const Distances& d,
                     DenseBlock& t, int64_t group, int64_t first, int64_t stop, int64_t depth,
                     int64_t before) {
  int64_t step[kSegment];
  if (first == stop) return before;
  const int64_t together = t.taps ? kTapsWide : 1, all = (stop - first) / together;
  const int64_t segments = ceil_div(all, most(1, kSegment / (depth * together)));
  for (int64_t i = 0; i < segments; ++i) {
    const int64_t from = first + together * cut(all, segments, i);
    const int64_t blocks = first + together * cut(all, segments, i + 1) - from;
    list_steps(s, p, d, from, blocks, step);
    const int64_t behind = before + blocks * depth;
    if (t.own_weights) {
      pack_own(s, p, b, t, group, before, behind);
      t.next = own_next(s, p, b, t, group, behind, blocks * depth, blocks);
    }
    dense_segment(t, {step, blocks, depth, before});
    before = behind;
  }
  return before;
}

int64_t output_pixel(const ConvShape& s, const Places& at, int64_t z, int64_t y) {
  const int64_t place[3] = {at.first[0] + z, at.first[1] + y, at.first[2]};
  int64_t pixel = 0;
  for (int i = 0; i < 3; ++i) {
    pixel = pixel * s.out_full[i] + s.out_start[i] + place[i] * s.out_step[i];
  }
  return pixel * kLanes;
}

// Write sums to pixels that do not follow one another.
void scatter(const ConvShape& s, const Places& at, const float* c, const float* residual, float* y,
             int64_t vectors) {
  const int64_t map = s.full_pixels() * kLanes, step = s.out_step[2] * kLanes;
  for (int64_t v = 0; v < vectors; ++v) {
    for (int64_t i = 0; i < at.count[0]; ++i) {
      for (int64_t j = 0; j < at.count[1]; ++j) {
        int64_t pixel = v * map + output_pixel(s, at, i, j);
        float* row = y + pixel;
        for (int64_t x = 0; x < at.count[2]; ++x, pixel += step, c += kLanes) {
          Vector sum = load(c);
          if (residual != nullptr) sum += load(residual + pixel);
          store(y + pixel, sum);
        }
        if (s.activation.kind != Activation::none) {
          activate_vectors(s.activation, row, at.count[2], step);
        }
      }
    }
  }
}

// The same for whole maps of some images.
void scatter_images(const ConvShape& s, int64_t images, const float* c, const float* residual,
                    float* y, int64_t vectors) {
  const int64_t map = s.in_pixels() * kLanes;
  for (int64_t v = 0; v < vectors; ++v) {
    for (int64_t n = 0; n < images; ++n) {
      float* to = y + n * s.y_batch_stride + v * map;
      const float* add =
          residual != nullptr ? residual + n * s.residual_batch_stride + v * map : nullptr;
      for (int64_t i = 0; i < map; i += kLanes, c += kLanes) {
        store(to + i, add != nullptr ? load(c) + load(add + i) : load(c));
      }
      if (s.activation.kind != Activation::none) activate(s.activation, to, to, map);
    }
  }
}

// A block of pixels of one image and group, or some images' whole maps.
struct Unit {
  int64_t n, images, group;
  Places at;
  const float* map;
};

Unit unit_of(const ConvShape& s, const DirectPlan& p, const Buffers& b, int64_t unit) {
  Unit u;
  u.at = places_of(p, unit % p.spatial);
  u.group = unit / p.spatial % p.groups;
  const int64_t part = unit / p.spatial / p.groups;
  u.n = cut(s.batch, p.image_parts, part);
  u.images = cut(s.batch, p.image_parts, part + 1) - u.n;
  u.map = b.in[0] + u.n * s.x_batch_stride + u.group * p.channel_blocks * p.cell * s.in_pixels();
  return u;
}

// Where the first pixel of a block is in a map that is read in place.
const float* first_pixel(const DirectPlan& p, const Unit& u) {
  int64_t pixel = 0;
  for (int i = 0; i < 3; ++i) {
    const DirectAxis& axis = p.axis[i];
    pixel = pixel * axis.in + u.at.first[i] * axis.stride - axis.padding;
  }
  return u.map + pixel * p.cell;
}

void copy_region(const ConvShape& s, const DirectPlan& p, const Buffers& b, const Unit& u,
                 float* region, int64_t first, int64_t stop) {
  if (s.plain_input) return copy_blocks<true>(p, u.at, u.map, nullptr, region, first, stop);
  const int64_t vectors = ceil_div(s.in_channels, kLanes);
  const float* scale =
      s.scale ? b.in[2] + (u.n * vectors + u.group * p.channel_blocks) * kLanes : nullptr;
  copy_blocks<false>(p, u.at, u.map, scale, region, first, stop);
}

void run_block(const ConvShape& s, const DirectPlan& p, const Buffers& b, const Unit& u,
               int64_t range, const float* a) {
  const Places& at = u.at;
  const int64_t n = u.n, group = u.group;
  const Distances d = distances_of(p);
  int64_t pixel[kMostPixels];
  list_pixels(d, at, pixel);
  const int64_t own = at.count[0] * at.count[1] * at.count[2], pixels = own * u.images;
  for (int64_t i = own; i < pixels; ++i) pixel[i] = pixel[i - own] + s.x_batch_stride;
  const int64_t map = s.full_pixels() * kLanes, vector = group * p.vectors;
  float* y = b.out[0] + n * s.y_batch_stride + vector * map;
  const float* residual =
      s.residual ? b.in[1] + n * s.residual_batch_stride + vector * map : nullptr;
  DenseBlock t;
  t.a = a;
  t.pixel = pixel;
  t.cells = !s.plain_input;
  t.ahead = p.in_place ? d.place[2] : 0;
  t.w = p.scale_weights ? b.shared + n * round_up(p.weight_floats)
                        : b.weight[0] + group * p.weight_floats;
  t.bias = s.bias ? b.weight[1] + vector * kLanes : nullptr;
  t.vectors = p.vectors;
  t.depth_all = p.depth_all;
  t.first_panel = cut(p.panels, p.ranges, range);
  t.stop_panel = cut(p.panels, p.ranges, range + 1);
  t.own_weights = s.plain_weight;
  if (s.plain_weight) t.w = b.scratch + own_weights_place(p);
  t.activation = s.activation;
  const int64_t first = 2 * t.first_panel;
  // Beside one vector of outputs, tiles that lie in a row each need but one address.
  const bool by_rows = kTakesTaps && p.vectors == 1 && s.stride[2] == 1 && !s.plain_input &&
                       !p.flat && at.count[2] >= kLeastRow;
  t.taps = by_rows && s.kernel[2] == kTapsWide && s.dilation[2] == 1;
  if (p.apart) {
    t.run = by_rows ? at.count[2] : pixels;
    t.runs = pixels / t.run;
    t.c_run = t.run * kLanes;
    t.c_vector = pixels * kLanes;
    t.c = b.scratch + (p.shared ? 0 : round_up(p.region_floats)) - first * t.c_vector;
    t.residual = nullptr;
    t.activation.kind = Activation::none;
  } else {
    // Rows of all columns follow one another, and planes of all rows; images do not.
    t.run = !by_rows && (p.flat || at.count[2] == s.out[2]) ? own : at.count[2];
    t.runs = pixels / t.run;
    const int64_t start = p.flat ? at.first[2] * kLanes : output_pixel(s, at, 0, 0);
    t.c_run = p.images > 1 ? s.y_batch_stride : s.out[2] * kLanes;
    t.c_vector = map;
    t.c = y + start;
    t.residual = residual != nullptr ? residual + start : nullptr;
  }
  const int64_t all = p.channel_blocks * p.inner;
  const int64_t full = p.last_depth == p.depth ? all : all - p.inner;
  const int64_t before = run_segments(s, p, b, d, t, group, 0, full, p.depth, 0);
  run_segments(s, p, b, d, t, group, full, all, p.last_depth, before);
  if (!p.apart) return;
  const int64_t last = t.stop_panel - 1;
  const int64_t count = 2 * last + panel_vectors(p.vectors, last) - first;
  const float* c = t.c + first * t.c_vector;
  if (residual != nullptr) residual += first * map;
  y += first * map;
  if (p.images > 1) {
    scatter_images(s, u.images, c, residual, y, count);
  } else {
    scatter(s, at, c, residual, y, count);
  }
}

// The phase before the products: copies of regions, or scaled weights.
void prepare(const ConvShape& s, const DirectPlan& p, const Buffers& b, int64_t task) {
  if (p.shared) {
    const int64_t parts = copy_parts(p), unit = task / parts, part = task % parts;
    copy_region(s, p, b, unit_of(s, p, b, unit), b.shared + unit * round_up(p.region_floats),
                cut(p.channel_blocks, parts, part), cut(p.channel_blocks, parts, part + 1));
  } else {
    const int64_t n = task / p.panels;
    scale_panel(p, task % p.panels, b.weight[0], b.in[2] + n * p.channel_blocks * kLanes,
                b.shared + n * round_up(p.weight_floats));
  }
}

void run(const ConvShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const DirectPlan p = direct_plan(s);
  if (phase == 0 && (p.shared || p.scale_weights)) {
    for (int64_t task = first; task < stop; ++task) prepare(s, p, b, task);
    return;
  }
  for (int64_t task = first; task < stop; ++task) {
    const int64_t unit = task / p.ranges;
    const Unit u = unit_of(s, p, b, unit);
    const float* a = b.scratch;
    if (p.in_place) {
      a = first_pixel(p, u);
    } else if (p.shared) {
      a = b.shared + unit * round_up(p.region_floats);
    } else {
      copy_region(s, p, b, u, b.scratch, 0, p.channel_blocks);
    }
    run_block(s, p, b, u, task % p.ranges, a);
  }
}

}  // namespace

extern const Kernel<ConvShape> conv_direct;
const Kernel<ConvShape> conv_direct = {"direct", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
