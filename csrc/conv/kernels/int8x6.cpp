// Dense convolution by AMX: products of tiles of digits, six for one of float32
// (kernels/digits.hpp).
//
//   y[o][q] = sum over cells c (of 64 channels), taps t of x[c][q + distance(t)] * w[o][c][t]
//
// The numbers that a block of output pixels reads of an image share a unit, those of an output's
// filter another. A task first looks for the largest, then splits what its block reads, into cells
// with zeros around the map (int8x6_plan.hpp):
//
//   region[cell][phase][image][plane][row][pixel]      phases: the remainders of the strides
//
// With lines of one pitch, the inputs of all output pixels lie as these do, whatever the tap: pixel
// q and tap t meet at q + distance(t). So 16 pixels behind one another are a tile wherever they
// begin; where a tile reaches over the end of a row, it computes sums that nobody wants. A task
// multiplies two tiles of pixels by two of weights (a panel: two vectors of output channels) at a
// time, over all of K, then adds the residual and writes what is real of the four tiles of sums.
// Where several tasks share a block of pixels (small maps), looking and splitting are phases of
// their own.
//
// Where a number is not finite, or without AMX, a block's numbers are multiplied as they are.
#include "conv/kernels/int8x6_panel.hpp"
#include "kernels/activate.hpp"
#include "kernels/digit_products.hpp"
#include "kernels/joined.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const ConvShape& s) {
  if (kLanes != 16 || s.plain_input || s.taps() > kMostTaps) return false;
  if (s.in_channels / s.groups * s.taps() > kMostProducts) return false;
  for (const int64_t stride : s.stride) {
    if (stride > kMostStride) return false;
  }
  const bool whole =
      s.in_channels / s.groups % kLanes == 0 && s.out_channels / s.groups % kLanes == 0;
  if (s.groups > 1 && !whole) return false;
  const DigitPlan p = digit_plan(s);
  // Weights are packed once if there is one block.
  if (s.plain_weight && (!p.flat || p.units > 1)) return false;
  return p.region_floats <= 2 * p.most_floats;
}

// In which a unit's region is looked at and split.
int64_t split_parts(const DigitPlan& p) {
  return p.shared ? least(p.cells, ceil_div(kTasks, p.units)) : 1;
}

// Of a unit's images, from each part in which they are looked at: the largest of each lane.
int64_t peak_floats(const DigitPlan& p) {
  return split_parts(p) * p.images * kLanes;
}

// Where a thread's scratch has the units of a block's images, their peaks, its sums, the region
// that it splits, the panel that it packs, and one whose digits are joined again.
struct Scratch {
  int64_t units = 0, peaks, sums, region, panel, joined, end;
};

Scratch scratch_of(const ConvShape& s, const DigitPlan& p) {
  // Sums are of a group of tiles; to pool them, of all of a block.
  const int64_t groups = s.pool ? ceil_div(block_cells(p), kGroupTiles * kTileRows) : 1;
  Scratch at;
  at.peaks = ceil_div(p.images, kLanes) * kLanes;
  at.sums = at.peaks + (p.shared ? 0 : peak_floats(p));
  at.region = at.sums + groups * 2 * kGroupTiles * kTileWords;
  at.panel = at.region + (p.shared ? 0 : p.region_floats);
  at.joined = at.panel + (s.plain_weight ? p.panel_floats : 0);
  at.end = at.joined + p.cells * s.taps() * kCellChannels * 2 * kLanes;
  return at;
}

Needs needs(const ConvShape& s, int) {
  const DigitPlan p = digit_plan(s);
  Needs needs;
  needs.weight_floats = s.plain_weight ? 0 : p.groups * p.panels * p.panel_floats;
  needs.pack_tasks = p.groups * p.panels;
  needs.thread_floats = scratch_of(s, p).end;
  if (p.shared) {
    needs.shared_floats = p.units * (p.region_floats + peak_floats(p));
    needs.tasks[0] = needs.tasks[1] = p.units * split_parts(p);
    needs.phases = 3;
  }
  needs.tasks[needs.phases - 1] = p.units * p.ranges;
  const int64_t tiles = ceil_div(block_cells(p), kTileRows);
  needs.tile_products = 6 * p.units * tiles * p.vectors * p.cells * s.taps();
  needs.cells = p.units * p.region_floats / kCellWords;
  return needs;
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t first, int64_t stop) {
  const DigitPlan p = digit_plan(s);
  for (int64_t task = first; task < stop; ++task) {
    pack_panel(s, p, w, task / p.panels, task % p.panels, packed + task * p.panel_floats);
  }
}

// A block of output pixels of some images, for one group.
struct Block {
  int64_t n, images, group;
  int64_t first[3], count[3];
};

Block block_of(const ConvShape& s, const DigitPlan& p, int64_t unit) {
  Block b;
  for (int i = 2; i >= 0; --i) {
    const DigitAxis& a = p.axis[i];
    const int64_t part = unit % a.parts;
    unit /= a.parts;
    const int64_t steps = ceil_div(a.out, a.step);
    b.first[i] = a.step * cut(steps, a.parts, part);
    b.count[i] = least(a.out, a.step * cut(steps, a.parts, part + 1)) - b.first[i];
  }
  b.group = unit % p.groups;
  const int64_t part = unit / p.groups;
  b.n = cut(s.batch, p.image_parts, part);
  b.images = cut(s.batch, p.image_parts, part + 1) - b.n;
  return b;
}

// Pixels of a row, of four blocks of channels, that become cells; or of which the largest are kept.
struct Row {
  const float* from[kCellBlocks];
  int64_t step[kCellBlocks];  // floats from pixel to pixel: 0 of a block that is not there
  Vector scale[kCellBlocks];
  int64_t count;
  float* to;
  IntVector* peak;
};

// Hand each pixel's numbers on.
template <typename Act>
STRIATE_INLINE void each_pixel(const Row& r, Act&& act) {
  const float* from[kCellBlocks];
  for (int k = 0; k < kCellBlocks; ++k) from[k] = r.from[k];
  for (int64_t i = 0; i < r.count; ++i) {
    Vector x[kCellBlocks];
    STRIATE_UNROLL
    for (int k = 0; k < kCellBlocks; ++k) {
      x[k] = load(from[k]) * r.scale[k];
      from[k] += r.step[k];
    }
    act(i, x);
  }
}

void look_at_row(const Row& r) {
  IntVector peak[kCellBlocks] = {};
  each_pixel(r, [&](int64_t, const Vector(&x)[kCellBlocks]) STRIATE_LAMBDA {
    STRIATE_UNROLL
    for (int k = 0; k < kCellBlocks; ++k) peak[k] = larger(peak[k], absolute_bits(x[k]));
  });
  *r.peak = larger(*r.peak, larger(larger(peak[0], peak[1]), larger(peak[2], peak[3])));
}

void split_row(const Row& r) {
  each_pixel(r, [&](int64_t i, const Vector(&x)[kCellBlocks])
                    STRIATE_LAMBDA { store_digits(x, r.to + i * kCellWords, kDigitWords); });
}

void copy_row(const Row& r) {
  each_pixel(r, [&](int64_t i, const Vector(&x)[kCellBlocks]) STRIATE_LAMBDA {
    STRIATE_UNROLL
    for (int k = 0; k < kCellBlocks; ++k) store(r.to + i * kCellWords + k * kLanes, x[k]);
  });
}

constexpr Arithmetic<Row> kVectors = by_vectors(copy_row), kTiles = by_tiles(split_row);

alignas(64) constexpr float kZeros[kLanes] = {};

// Positions of a phase that lie in the map: phase + i * stride - padding, from place `first` on.
struct Inside {
  int64_t start, stop, pixel;  // of the first one
};

Inside inside(const DigitAxis& a, int64_t first, int64_t remainder, int64_t positions) {
  const int64_t pixel = first * a.stride + remainder - a.padding;
  Inside in;
  in.start = least(positions, pixel < 0 ? ceil_div(-pixel, a.stride) : 0);
  in.stop = most(in.start, least(positions, pixel < a.in ? ceil_div(a.in - pixel, a.stride) : 0));
  in.pixel = pixel + in.start * a.stride;
  return in;
}

void zero_cells(float* to, int64_t count) {
  for (int64_t i = 0; i < count * kCellWords; i += kLanes) store(to + i, Vector{});
}

// What the phases of an axis, of which `first` is the block's first place, have of the map.
void list_inside(const DigitAxis& a, int64_t first, Inside* of) {
  for (int64_t remainder = 0; remainder < a.stride; ++remainder) {
    const int64_t phase = a.phase[remainder];
    if (phase >= 0) of[phase] = inside(a, first, remainder, a.positions);
  }
}

// A line of a phase: `row.from` are the blocks of its map, `place` the floats to the line in each,
// or negative where it is outside. `row.to` is null where no cells are made.
void walk_line(const DigitAxis& a, const Inside& in, int64_t place, Row row,
               void (*act)(const Row&)) {
  if (row.to != nullptr && place < 0) return zero_cells(row.to, a.positions);
  if (place < 0) return;
  if (row.to != nullptr) {
    zero_cells(row.to, in.start);
    zero_cells(row.to + in.stop * kCellWords, a.positions - in.stop);
    row.to += in.start * kCellWords;
  }
  for (int k = 0; k < kCellBlocks; ++k) {
    if (row.step[k] > 0) row.from[k] += place + in.pixel * kLanes;
  }
  row.count = in.stop - in.start;
  act(row);
}

// All phases of a layer of an image.
void walk_layer(const DigitPlan& p, const Block& b, Row row, void (*act)(const Row&)) {
  const DigitAxis &z = p.axis[0], &y = p.axis[1], &x = p.axis[2];
  Inside of[3][kMostStride];
  for (int i = 0; i < 3; ++i) list_inside(p.axis[i], b.first[i], of[i]);
  const int64_t phases = z.phases * y.phases * x.phases, lines = z.positions * y.positions;
  float* const layer = row.to;
  for (int64_t phase = 0; phase < phases; ++phase) {
    const Inside& planes = of[0][phase / x.phases / y.phases];
    const Inside& rows = of[1][phase / x.phases % y.phases];
    for (int64_t line = 0; line < lines; ++line) {
      const int64_t i = line / y.positions, j = line % y.positions;
      const bool there = i >= planes.start && i < planes.stop && j >= rows.start && j < rows.stop;
      const int64_t plane = planes.pixel + (i - planes.start) * z.stride;
      const int64_t from = plane * y.in + rows.pixel + (j - rows.start) * y.stride;
      const int64_t cell = phase * p.span + i * p.pitch[1] + j * p.pitch[2];
      if (layer != nullptr) row.to = layer + cell * kCellWords;
      walk_line(x, of[2][phase % x.phases], there ? from * x.in * kLanes : -1, row, act);
    }
  }
}

// A layer of an image of a block.
Row row_of(const ConvShape& s, const DigitPlan& p, const Buffers& buffers, const Block& b,
           int64_t image, int64_t layer, float factor) {
  const int64_t n = b.n + image, map = s.in_pixels() * kLanes;
  const int64_t block = b.group * p.in_blocks + kCellBlocks * layer;
  const float* from = buffers.in[0] + n * s.x_batch_stride + block * map;
  const float* scale =
      s.scale ? buffers.in[2] + (n * p.in_blocks * p.groups + block) * kLanes : nullptr;
  Row row = {};
  for (int64_t k = 0; k < kCellBlocks; ++k) {
    const bool there = kCellBlocks * layer + k < p.in_blocks;
    row.from[k] = there ? from + k * map : kZeros;
    row.step[k] = there ? p.axis[2].stride * kLanes : 0;
    // Lanes without a channel, whatever they hold, must not count.
    const int64_t used = s.in_channels / s.groups - (kCellBlocks * layer + k) * kLanes;
    row.scale[k] = masked(first_lanes(used), broadcast(factor));
    if (there && scale != nullptr) row.scale[k] *= load(scale + k * kLanes);
  }
  return row;
}

// The largest numbers that a block reads of layers first .. stop - 1, for each of its images.
void find_peaks(const ConvShape& s, const DigitPlan& p, const Buffers& buffers, const Block& b,
                int64_t first, int64_t stop, float* peaks) {
  for (int64_t image = 0; image < b.images; ++image, peaks += kLanes) {
    IntVector peak = {};
    for (int64_t layer = first; layer < stop; ++layer) {
      Row row = row_of(s, p, buffers, b, image, layer, 1.0f);
      row.peak = &peak;
      walk_layer(p, b, row, look_at_row);
    }
    store(peaks, (Vector)peak);
  }
}

// The units of a block's images, by the peaks of `parts` parts; and how it is computed: where one
// is not finite, as without AMX, by its numbers as they are.
const Arithmetic<Row>& choose(const DigitPlan& p, const Block& b, bool tiles, const float* peaks,
                              int64_t parts, float* units) {
  bool finite = tiles;
  for (int64_t image = 0; finite && image < b.images; ++image) {
    IntVector lanes = {};
    for (int64_t part = 0; part < parts; ++part) {
      lanes = larger(lanes, (IntVector)load(peaks + (part * p.images + image) * kLanes));
    }
    const int32_t peak = largest_lane(lanes);
    finite = peak < 0x7f800000;
    units[image] = unit_of(peak);
  }
  if (finite) return kTiles;
  for (int64_t image = 0; image < b.images; ++image) units[image] = 1.0f;
  return kVectors;
}

// Layers first .. stop - 1 of a block's region.
void split_region(const ConvShape& s, const DigitPlan& p, const Buffers& buffers, const Block& b,
                  const Arithmetic<Row>& by, const float* units, float* region, int64_t first,
                  int64_t stop) {
  for (int64_t image = 0; image < b.images; ++image) {
    for (int64_t layer = first; layer < stop; ++layer) {
      Row row = row_of(s, p, buffers, b, image, layer, by.digits ? per_unit(units[image]) : 1.0f);
      row.to = region + layer * p.layer_floats + image * p.pitch[0] * kCellWords;
      walk_layer(p, b, row, by.make);
    }
  }
}

// Floats from an output pixel's cell to what each tap reads.
void list_taps(const DigitPlan& p, int64_t* tap) {
  for (int64_t u = 0; u < p.axis[0].kernel; ++u) {
    for (int64_t v = 0; v < p.axis[1].kernel; ++v) {
      for (int64_t w = 0; w < p.axis[2].kernel; ++w) {
        const int64_t at[3] = {u, v, w};
        int64_t phase = 0, cells = 0;
        for (int i = 0; i < 3; ++i) {
          const DigitAxis& a = p.axis[i];
          const int64_t reach = at[i] * a.dilation;
          phase = phase * a.phases + a.phase[reach % a.stride];
          cells += reach / a.stride * p.pitch[i + 1];
        }
        *tap++ = (phase * p.span + cells) * kCellWords;
      }
    }
  }
}

// Floats from a map's begin to an output.
int64_t output_place(const ConvShape& s, const DigitPlan& p, const Block& b,
                     const int64_t (&at)[3]) {
  if (p.flat) return (b.first[2] + at[2]) * kLanes;
  int64_t pixel = 0;
  for (int i = 0; i < 3; ++i) {
    pixel = pixel * s.out_full[i] + s.out_start[i] + (b.first[i] + at[i]) * s.out_step[i];
  }
  return pixel * kLanes;
}

// Sums, and what makes outputs of them.
struct Sums {
  const float* first;  // as `multiply` leaves them
  int64_t vector, vectors;
  const float* bias;   // of the vectors, or null
  const float* units;  // of the images' numbers

  Vector bias_of(int64_t v) const { return bias != nullptr ? load(bias + v * kLanes) : Vector{}; }
  Vector unit_of(int64_t image) const { return broadcast(units[image]); }
};

// Sums of pixels behind one another in a row.
void write_run(const ConvShape& s, const float* sums, int64_t count, Vector unit, Vector bias,
               const float* residual, float* y) {
  const int64_t step = s.out_step[2] * kLanes;
  const bool clamp = s.activation.kind == Activation::clamp;
  const float low = s.activation.alpha, high = s.activation.beta;
  for (int64_t i = 0; i < count; ++i) {
    Vector sum = load(sums + i * kLanes) * unit + bias;
    if (residual != nullptr) sum += load(residual + i * step);
    store(y + i * step, clamp ? between(low, sum, high) : sum);
  }
  if (s.activation.kind != Activation::none && !clamp) {
    activate_vectors(s.activation, y, count, step);
  }
}

// Real outputs of `count` cells from cell q of the block on.
void write_sums(const ConvShape& s, const DigitPlan& p, const Buffers& buffers, const Block& b,
                int64_t q, int64_t count, const Sums& sums) {
  const int64_t map = s.full_pixels() * kLanes;
  for (int64_t done = 0; done < count;) {
    const int64_t at = q + done;
    const int64_t image = at / p.pitch[0], place = done % kTileRows;
    const int64_t of[3] = {at % p.pitch[0] / p.pitch[1], at % p.pitch[1] / p.pitch[2],
                           at % p.pitch[2]};
    const int64_t run = least(p.pitch[2] - of[2], least(kTileRows - place, count - done));
    const int64_t real = least(run, b.count[2] - of[2]);
    if (image < b.images && of[0] < b.count[0] && of[1] < b.count[1] && real > 0) {
      const int64_t pixel = output_place(s, p, b, of);
      for (int64_t v = 0; v < sums.vectors; ++v) {
        const int64_t to = (sums.vector + v) * map + pixel, n = b.n + image;
        write_run(s, sums.first + sums_place(done, v, sums.vectors), real, sums.unit_of(image),
                  sums.bias_of(v),
                  s.residual ? buffers.in[1] + n * s.residual_batch_stride + to : nullptr,
                  buffers.out[0] + n * s.y_batch_stride + to);
      }
    }
    done += run;
  }
}

// The same of all of a block: of each two rows and columns the largest.
void write_pooled(const ConvShape& s, const DigitPlan& p, const Buffers& buffers, const Block& b,
                  const Sums& sums) {
  const int64_t map = s.full_pixels() * kLanes, columns = b.count[2] / 2;
  const auto sum = [&](int64_t q, int64_t v) {
    return load(sums.first + sums_place(q, v, sums.vectors));
  };
  for (int64_t image = 0; image < b.images; ++image) {
    for (int64_t plane = 0; plane < b.count[0]; ++plane) {
      for (int64_t row = 0; row < b.count[1] / 2; ++row) {
        const int64_t line = (b.first[0] + plane) * s.out_full[1] + b.first[1] / 2 + row;
        const int64_t to = (line * s.out_full[2] + b.first[2] / 2) * kLanes;
        for (int64_t v = 0; v < sums.vectors; ++v) {
          const Vector unit = sums.unit_of(image), bias = sums.bias_of(v);
          float* const y =
              buffers.out[0] + (b.n + image) * s.y_batch_stride + (sums.vector + v) * map + to;
          int64_t q = image * p.pitch[0] + plane * p.pitch[1] + 2 * row * p.pitch[2];
          for (int64_t i = 0; i < columns; ++i, q += 2) {
            const Vector upper = largest(sum(q, v), sum(q + 1, v));
            const Vector lower = largest(sum(q + p.pitch[2], v), sum(q + p.pitch[2] + 1, v));
            store(y + i * kLanes, largest(upper, lower) * unit + bias);
          }
          if (s.activation.kind != Activation::none) activate(s.activation, y, y, columns * kLanes);
        }
      }
    }
  }
}

// A range of panels for a block whose region is split.
void run_range(const ConvShape& s, const DigitPlan& p, const Buffers& buffers, const Block& b,
               const Arithmetic<Row>& by, const float* region, int64_t range) {
  int64_t tap[kMostTaps];
  list_taps(p, tap);
  const Scratch at = scratch_of(s, p);
  float* const sums = buffers.scratch + at.sums;
  Filters filters = s.filters;
  if (s.plain_weight) filters.first = buffers.in[3] + s.filters_start;
  const int64_t pixels = cells_of(p, b.images, b.count);
  const int64_t group = kGroupTiles * kTileRows, steps = p.cells * s.taps();
  DigitProduct product = {};
  product.layers = p.cells;
  product.layer_floats = p.layer_floats;
  product.tap = tap;
  product.taps = s.taps();
  Sums out = {};
  out.units = buffers.scratch + at.units;
  for (int64_t panel = cut(p.panels, p.ranges, range); panel < cut(p.panels, p.ranges, range + 1);
       ++panel) {
    out.vector = b.group * p.vectors + 2 * panel;
    out.vectors = least(2, p.vectors - 2 * panel);
    out.bias = s.bias ? buffers.weight[1] + out.vector * kLanes : nullptr;
    const float* w = buffers.scratch + at.panel;
    if (s.plain_weight) {
      pack_panel(s, p, filters, b.group, panel, buffers.scratch + at.panel);
    } else {
      w = buffers.weight[0] + (b.group * p.panels + panel) * p.panel_floats;
    }
    product.w = by.digits ? w : buffers.scratch + at.joined;
    if (!by.digits) join_panel(steps, out.vectors, w, buffers.scratch + at.joined);
    for (int64_t q = 0; q < pixels; q += group) {
      const int64_t count = least(group, pixels - q);
      product.cells = region + q * kCellWords;
      // The next panel; behind the last one, what follows it.
      if (!s.plain_weight) {
        fetch_part(product, w + p.panel_floats, q / group, ceil_div(pixels, group));
      }
      float* const to = sums + (s.pool ? q * out.vectors * kLanes : 0);
      by.multiply[count > kTileRows][out.vectors - 1](product, to);
      out.first = to;
      if (!s.pool) write_sums(s, p, buffers, b, q, count, out);
    }
    out.first = sums;
    if (s.pool) write_pooled(s, p, buffers, b, out);
  }
}

void run_task(const ConvShape& s, const DigitPlan& p, const Buffers& buffers, bool tiles, int phase,
              int64_t task) {
  const bool looks = !p.shared || phase == 0, splits = !p.shared || phase == 1;
  const bool multiplies = !p.shared || phase == 2;
  const Scratch at = scratch_of(s, p);
  const int64_t parts = split_parts(p), part = task % parts;
  const int64_t first = cut(p.cells, parts, part), stop = cut(p.cells, parts, part + 1);
  const int64_t unit = task / (multiplies ? p.ranges : parts);
  const Block b = block_of(s, p, unit);
  float *region = buffers.scratch + at.region, *peaks = buffers.scratch + at.peaks;
  if (p.shared) {
    region = buffers.shared + unit * p.region_floats;
    peaks = buffers.shared + p.units * p.region_floats + unit * peak_floats(p);
  }
  if (looks && tiles) {
    find_peaks(s, p, buffers, b, first, stop, peaks + part * p.images * kLanes);
  }
  if (!splits && !multiplies) return;
  float* const units = buffers.scratch + at.units;
  const Arithmetic<Row>& by = choose(p, b, tiles, peaks, parts, units);
  if (splits) split_region(s, p, buffers, b, by, units, region, first, stop);
  if (multiplies) run_range(s, p, buffers, b, by, region, task % p.ranges);
}

void run(const ConvShape& s, const Buffers& buffers, int phase, int64_t first, int64_t stop) {
  const DigitPlan p = digit_plan(s);
  const bool tiles = begin_tiles();
  for (int64_t task = first; task < stop; ++task) run_task(s, p, buffers, tiles, phase, task);
  if (tiles) end_tiles();
}

}  // namespace

extern const Kernel<ConvShape> conv_int8x6;
const Kernel<ConvShape> conv_int8x6 = {"int8x6", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
