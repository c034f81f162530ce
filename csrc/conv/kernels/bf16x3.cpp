// Dense convolution by AMX: products of tiles of bfloat16, three for one of float32 (bf16.hpp).
//
//   y[o][q] = sum over cells c (of 32 channels), taps t of x[c][q + distance(t)] * w[o][c][t]
//
// A task first splits what its block of output pixels reads, into cells with zeros around the map
// (bf16x3_plan.hpp):
//
//   region[cell][phase][image][plane][row][pixel]      phases: the remainders of the strides
//
// With lines of one pitch, the inputs of all output pixels lie as these do, whatever the tap: pixel
// q and tap t meet at q + distance(t). So 16 pixels behind one another are a tile wherever they
// begin; where a tile reaches over the end of a row, it computes sums that nobody wants. A task
// multiplies two tiles of pixels by two of weights (a panel: two vectors of output channels) at a
// time, over all of K, then adds the residual and writes what is real of the four tiles of sums.
// Where several tasks share a block of pixels (small maps), splitting is a phase of its own.
//
// Packed weights of a panel; a tile has 16 pairs of channels of 16 outputs:
//
//   cell 0: | tap 0: high v0, high v1, low v0, low v1 | tap 1: .. | ..   cell 1: ..
//
// An infinite input makes NaN, since what it leaves for the low part is NaN.
#include "conv/kernels/bf16x3_plan.hpp"
#include "conv/kernels/filters.hpp"
#include "kernels/activate.hpp"
#include "kernels/joined.hpp"
#include "kernels/math.hpp"
#include "kernels/tile_products.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const ConvShape& s) {
  if (kLanes != 16 || s.plain_input || s.taps() > kMostTaps) return false;
  for (const int64_t stride : s.stride) {
    if (stride > kMostStride) return false;
  }
  const bool whole =
      s.in_channels / s.groups % kLanes == 0 && s.out_channels / s.groups % kLanes == 0;
  if (s.groups > 1 && !whole) return false;
  const Bf16Plan p = bf16_plan(s);
  // Weights are packed once if there is one block.
  if (s.plain_weight && (!p.flat || p.units > 1)) return false;
  return p.region_floats <= 2 * p.most_floats;
}

// In which a unit's region is split.
int64_t split_parts(const Bf16Plan& p) {
  return least(p.cells, ceil_div(kTasks, p.units));
}

// Of a group of tiles; to pool them, of all of a block.
int64_t sum_floats(const ConvShape& s, const Bf16Plan& p) {
  const int64_t groups = s.pool ? ceil_div(block_cells(p), kGroupTiles * kTileRows) : 1;
  return groups * 2 * kGroupTiles * kTileWords;
}

// Of the panel that a task packs, in its thread's scratch: behind its sums and its region.
int64_t own_weights_place(const ConvShape& s, const Bf16Plan& p) {
  return sum_floats(s, p) + (p.shared ? 0 : p.region_floats);
}

Needs needs(const ConvShape& s, int) {
  const Bf16Plan p = bf16_plan(s);
  Needs needs;
  needs.weight_floats = s.plain_weight ? 0 : p.groups * p.panels * p.panel_floats;
  needs.pack_tasks = p.groups * p.panels;
  needs.thread_floats = own_weights_place(s, p) + (s.plain_weight ? p.panel_floats : 0);
  if (p.shared) {
    needs.shared_floats = p.units * p.region_floats;
    needs.tasks[needs.phases++ - 1] = p.units * split_parts(p);
  }
  needs.tasks[needs.phases - 1] = p.units * p.ranges;
  const int64_t tiles = ceil_div(block_cells(p), kTileRows);
  needs.tile_products = 3 * p.units * tiles * p.vectors * p.cells * s.taps();
  needs.cells = p.units * p.region_floats / kCellChannels;
  return needs;
}

// Channels first .. first + count - 1 (an even number) of a panel, from cells[channel][tap][v][o].
void pack_words(const ConvShape& s, const float* cells, int64_t first, int64_t count,
                int64_t vectors, float* panel) {
  const int64_t taps = s.taps(), channel = taps * vectors * kLanes;
  for (int64_t c = 0; c < count; c += 2) {
    const int64_t cell = (first + c) / kCellChannels, row = (first + c) % kCellChannels / 2;
    float* to = panel + cell * taps * 2 * vectors * kTileWords + row * kLanes;
    for (int64_t i = 0; i < channel; i += kLanes, to += kTileWords) {
      if (i > 0 && i / kLanes % vectors == 0) to += vectors * kTileWords;  // low parts
      IntVector high, low;
      split_pair(load(cells + c * channel + i), load(cells + (c + 1) * channel + i), high, low);
      store(to, (Vector)high);
      store(to + vectors * kTileWords, (Vector)low);
    }
  }
}

// The last panel may be of one vector. There is room for two: what nobody reads is 0.
void pack_panel(const ConvShape& s, const Bf16Plan& p, const Filters& w, int64_t group,
                int64_t panel, float* to) {
  alignas(64) float scratch[2 * kMostTaps * 2 * kLanes];
  const int64_t channels = s.in_channels / s.groups, outputs = s.out_channels / s.groups;
  const int64_t output = 2 * panel * kLanes, taps = s.taps();
  const int64_t step = taps == 1 ? kCellChannels : 2;
  Cells cells = {};
  cells.output = w.output;
  cells.vectors = least(2, p.vectors - 2 * panel);
  cells.stop = outputs - output;
  cells.to_step = cells.vectors * kLanes;
  const int64_t floats = taps * cells.to_step;  // of a channel
  for (int64_t c = 0; c < p.cells * kCellChannels; c += step) {
    const int64_t real = most(0, least(step, channels - c));
    cells.from = w.first + group * w.group + output * w.output + c * w.channel;
    cells.to = scratch;
    if (taps == 1) {
      cells.count = real;
      cells.step = w.channel;
      pack_cells(cells);
    } else {
      for (int64_t i = 0; i < real; ++i, cells.from += w.channel, cells.to += floats) {
        pack_taps(s, w, cells);
      }
    }
    for (int64_t i = real * floats; i < step * floats; ++i) scratch[i] = 0;
    pack_words(s, scratch, c, step, cells.vectors, to);
  }
  const int64_t used = p.cells * taps * 2 * cells.vectors * kTileWords;
  for (int64_t i = used; i < p.panel_floats; ++i) to[i] = 0;
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t first, int64_t stop) {
  const Bf16Plan p = bf16_plan(s);
  for (int64_t task = first; task < stop; ++task) {
    pack_panel(s, p, w, task / p.panels, task % p.panels, packed + task * p.panel_floats);
  }
}

// A block of output pixels of some images, for one group.
struct Block {
  int64_t n, images, group;
  int64_t first[3], count[3];
};

Block block_of(const ConvShape& s, const Bf16Plan& p, int64_t unit) {
  Block b;
  for (int i = 2; i >= 0; --i) {
    const Bf16Axis& a = p.axis[i];
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

// Pixels of a row, of two blocks of channels, that become cells.
struct Row {
  const float *first, *second;
  int64_t step, second_step;  // floats from pixel to pixel
  Vector scale, second_scale;
  int64_t count;
  float* to;
};

void copy_row(const Row& r) {
  const float *first = r.first, *second = r.second;
  float* to = r.to;
  for (int64_t i = 0; i < r.count; ++i, to += kCellChannels) {
    store(to, r.scale * load(first));
    store(to + kLanes, r.second_scale * load(second));
    first += r.step;
    second += r.second_step;
  }
}

#ifdef STRIATE_AMX
STRIATE_AMX void split_row(const Row& r) {
  const float *first = r.first, *second = r.second;
  float* to = r.to;
  for (int64_t i = 0; i < r.count; ++i, to += kCellChannels) {
    store_cell(to, r.scale * load(first), r.second_scale * load(second));
    first += r.step;
    second += r.second_step;
  }
}
#endif

// How this machine splits and multiplies; of 1 or 2 tiles of pixels, and vectors of outputs.
struct Arithmetic {
  void (*row)(const Row&);
  Multiply multiply[2][2];
};

constexpr Arithmetic kVectors = {copy_row,
                                 {{multiply_by_vectors<1, 1>, multiply_by_vectors<1, 2>},
                                  {multiply_by_vectors<2, 1>, multiply_by_vectors<2, 2>}}};
#ifdef STRIATE_AMX
constexpr Arithmetic kTiles = {split_row,
                               {{multiply_by_tiles<1, 1>, multiply_by_tiles<1, 2>},
                                {multiply_by_tiles<2, 1>, multiply_by_tiles<2, 2>}}};
#endif

alignas(64) constexpr float kZeros[kLanes] = {};

// Positions of a phase that lie in the map: phase + i * stride - padding, from place `first` on.
struct Inside {
  int64_t start, stop, pixel;  // of the first one
};

Inside inside(const Bf16Axis& a, int64_t first, int64_t remainder, int64_t positions) {
  const int64_t pixel = first * a.stride + remainder - a.padding;
  Inside in;
  in.start = least(positions, pixel < 0 ? ceil_div(-pixel, a.stride) : 0);
  in.stop = most(in.start, least(positions, pixel < a.in ? ceil_div(a.in - pixel, a.stride) : 0));
  in.pixel = pixel + in.start * a.stride;
  return in;
}

void zero_cells(float* to, int64_t count) {
  for (int64_t i = 0; i < count * kCellChannels; i += kLanes) store(to + i, Vector{});
}

// What the phases of an axis, of which `first` is the block's first place, have of the map.
void list_inside(const Bf16Axis& a, int64_t first, Inside* of) {
  for (int64_t remainder = 0; remainder < a.stride; ++remainder) {
    const int64_t phase = a.phase[remainder];
    if (phase >= 0) of[phase] = inside(a, first, remainder, a.positions);
  }
}

// The cells of a line of a phase, in two blocks of channels `second` floats apart, 0 where there is
// no second one; `map` is null where the line is outside.
void split_line(const Bf16Axis& a, const Inside& in, const float* map, int64_t second, Row row,
                void (*split)(const Row&), float* to) {
  if (map == nullptr) return zero_cells(to, a.positions);
  zero_cells(to, in.start);
  zero_cells(to + in.stop * kCellChannels, a.positions - in.stop);
  row.first = map + in.pixel * kLanes;
  row.second = second > 0 ? row.first + second : kZeros;
  row.count = in.stop - in.start;
  row.to = to + in.start * kCellChannels;
  split(row);
}

// All phases of a layer of an image: `map` is its first block of channels.
void split_layer(const Bf16Plan& p, const Block& b, const float* map, int64_t second,
                 const Row& row, void (*split)(const Row&), float* to) {
  const Bf16Axis &z = p.axis[0], &y = p.axis[1], &x = p.axis[2];
  Inside of[3][kMostStride];
  for (int i = 0; i < 3; ++i) list_inside(p.axis[i], b.first[i], of[i]);
  const int64_t phases = z.phases * y.phases * x.phases, lines = z.positions * y.positions;
  for (int64_t phase = 0; phase < phases; ++phase) {
    const Inside& planes = of[0][phase / x.phases / y.phases];
    const Inside& rows = of[1][phase / x.phases % y.phases];
    for (int64_t line = 0; line < lines; ++line) {
      const int64_t i = line / y.positions, j = line % y.positions;
      const bool there = i >= planes.start && i < planes.stop && j >= rows.start && j < rows.stop;
      const int64_t plane = planes.pixel + (i - planes.start) * z.stride;
      const int64_t row_of = plane * y.in + rows.pixel + (j - rows.start) * y.stride;
      const int64_t place = phase * p.span + i * p.pitch[1] + j * p.pitch[2];
      split_line(x, of[2][phase % x.phases], there ? map + row_of * x.in * kLanes : nullptr, second,
                 row, split, to + place * kCellChannels);
    }
  }
}

// Layers first .. stop - 1 of a block's region.
void split_region(const ConvShape& s, const Bf16Plan& p, const Buffers& buffers, const Block& b,
                  const Arithmetic& by, float* region, int64_t first, int64_t stop) {
  const int64_t map = s.in_pixels() * kLanes, vectors = p.in_blocks * p.groups;
  for (int64_t image = 0; image < b.images; ++image) {
    const int64_t n = b.n + image;
    for (int64_t layer = first; layer < stop; ++layer) {
      const int64_t block = b.group * p.in_blocks + 2 * layer;
      const bool two = 2 * layer + 1 < p.in_blocks;
      const float* from = buffers.in[0] + n * s.x_batch_stride + block * map;
      const float* scale = s.scale ? buffers.in[2] + (n * vectors + block) * kLanes : nullptr;
      Row row = {};
      row.step = p.axis[2].stride * kLanes;
      row.second_step = two ? row.step : 0;
      row.scale = scale != nullptr ? load(scale) : broadcast(1.0f);
      row.second_scale = scale != nullptr && two ? load(scale + kLanes) : broadcast(1.0f);
      float* const to = region + layer * p.layer_floats + image * p.pitch[0] * kCellChannels;
      split_layer(p, b, from, two ? map : 0, row, by.row, to);
    }
  }
}

// Floats from an output pixel's cell to what each tap reads.
void list_taps(const Bf16Plan& p, int64_t* tap) {
  for (int64_t u = 0; u < p.axis[0].kernel; ++u) {
    for (int64_t v = 0; v < p.axis[1].kernel; ++v) {
      for (int64_t w = 0; w < p.axis[2].kernel; ++w) {
        const int64_t at[3] = {u, v, w};
        int64_t phase = 0, cells = 0;
        for (int i = 0; i < 3; ++i) {
          const Bf16Axis& a = p.axis[i];
          const int64_t reach = at[i] * a.dilation;
          phase = phase * a.phases + a.phase[reach % a.stride];
          cells += reach / a.stride * p.pitch[i + 1];
        }
        *tap++ = (phase * p.span + cells) * kCellChannels;
      }
    }
  }
}

// Floats from a map's begin to an output.
int64_t output_place(const ConvShape& s, const Bf16Plan& p, const Block& b,
                     const int64_t (&at)[3]) {
  if (p.flat) return (b.first[2] + at[2]) * kLanes;
  int64_t pixel = 0;
  for (int i = 0; i < 3; ++i) {
    pixel = pixel * s.out_full[i] + s.out_start[i] + (b.first[i] + at[i]) * s.out_step[i];
  }
  return pixel * kLanes;
}

// Sums of pixels behind one another in a row.
void write_run(const ConvShape& s, const float* sums, int64_t count, const float* residual,
               float* y) {
  const int64_t step = s.out_step[2] * kLanes;
  const bool clamp = s.activation.kind == Activation::clamp;
  const float low = s.activation.alpha, high = s.activation.beta;
  for (int64_t i = 0; i < count; ++i) {
    Vector sum = load(sums + i * kLanes);
    if (residual != nullptr) sum += load(residual + i * step);
    store(y + i * step, clamp ? between(low, sum, high) : sum);
  }
  if (s.activation.kind != Activation::none && !clamp) {
    activate_vectors(s.activation, y, count, step);
  }
}

// Real outputs of `count` cells from cell q of the block on; sums as `multiply` leaves them.
void write_sums(const ConvShape& s, const Bf16Plan& p, const Buffers& buffers, const Block& b,
                int64_t q, int64_t count, int64_t vector, int64_t vectors, const float* sums) {
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
      for (int64_t v = 0; v < vectors; ++v) {
        const int64_t to = (vector + v) * map + pixel, n = b.n + image;
        const float* from = sums + ((done / kTileRows * vectors + v) * kTileRows + place) * kLanes;
        write_run(s, from, real,
                  s.residual ? buffers.in[1] + n * s.residual_batch_stride + to : nullptr,
                  buffers.out[0] + n * s.y_batch_stride + to);
      }
    }
    done += run;
  }
}

// The same of all of a block: of each two rows and columns the largest.
void write_pooled(const ConvShape& s, const Bf16Plan& p, const Buffers& buffers, const Block& b,
                  int64_t vector, int64_t vectors, const float* sums) {
  const int64_t map = s.full_pixels() * kLanes, columns = b.count[2] / 2;
  const auto sum = [&](int64_t q, int64_t v) {
    return load(sums + ((q / kTileRows * vectors + v) * kTileRows + q % kTileRows) * kLanes);
  };
  for (int64_t image = 0; image < b.images; ++image) {
    for (int64_t plane = 0; plane < b.count[0]; ++plane) {
      for (int64_t row = 0; row < b.count[1] / 2; ++row) {
        const int64_t line = (b.first[0] + plane) * s.out_full[1] + b.first[1] / 2 + row;
        const int64_t to = (line * s.out_full[2] + b.first[2] / 2) * kLanes;
        for (int64_t v = 0; v < vectors; ++v) {
          float* const y =
              buffers.out[0] + (b.n + image) * s.y_batch_stride + (vector + v) * map + to;
          int64_t q = image * p.pitch[0] + plane * p.pitch[1] + 2 * row * p.pitch[2];
          for (int64_t i = 0; i < columns; ++i, q += 2) {
            const Vector upper = largest(sum(q, v), sum(q + 1, v));
            const Vector lower = largest(sum(q + p.pitch[2], v), sum(q + p.pitch[2] + 1, v));
            store(y + i * kLanes, largest(upper, lower));
          }
          if (s.activation.kind != Activation::none) activate(s.activation, y, y, columns * kLanes);
        }
      }
    }
  }
}

// A range of panels for a block whose region is split.
void run_range(const ConvShape& s, const Bf16Plan& p, const Buffers& buffers, const Block& b,
               const Arithmetic& by, const float* region, int64_t range) {
  int64_t tap[kMostTaps];
  list_taps(p, tap);
  float* const sums = buffers.scratch;
  Filters filters = s.filters;
  if (s.plain_weight) filters.first = buffers.in[3] + s.filters_start;
  const int64_t pixels = cells_of(p, b.images, b.count);
  const int64_t group = kGroupTiles * kTileRows, steps = p.cells * s.taps();
  const int64_t lines = ceil_div(16, ceil_div(pixels, group));
  for (int64_t panel = cut(p.panels, p.ranges, range); panel < cut(p.panels, p.ranges, range + 1);
       ++panel) {
    const int64_t vector = b.group * p.vectors + 2 * panel;
    const int64_t vectors = least(2, p.vectors - 2 * panel);
    TileProduct product = {};
    if (s.plain_weight) {
      float* const own = buffers.scratch + own_weights_place(s, p);
      pack_panel(s, p, filters, b.group, panel, own);
      product.w = own;
    } else {
      product.w = buffers.weight[0] + (b.group * p.panels + panel) * p.panel_floats;
    }
    product.bias = s.bias ? buffers.weight[1] + vector * kLanes : nullptr;
    product.layers = p.cells;
    product.layer_floats = p.layer_floats;
    product.tap = tap;
    product.taps = s.taps();
    for (int64_t q = 0; q < pixels; q += group) {
      const int64_t count = least(group, pixels - q);
      product.cells = region + q * kCellChannels;
      // Of the next panel, in near-equal parts; behind the last one, of what follows it.
      product.fetch = product.w + p.panel_floats + q / group * lines * steps * 16;
      product.fetch_lines = !s.plain_weight && q / group * lines < 16 ? lines : 0;
      float* const to = sums + (s.pool ? q * vectors * kLanes : 0);
      by.multiply[count > kTileRows][vectors - 1](product, to);
      if (!s.pool) write_sums(s, p, buffers, b, q, count, vector, vectors, to);
    }
    if (s.pool) write_pooled(s, p, buffers, b, vector, vectors, sums);
  }
}

void run_phase(const ConvShape& s, const Buffers& buffers, const Arithmetic& by, int phase,
               int64_t first, int64_t stop) {
  const Bf16Plan p = bf16_plan(s);
  for (int64_t task = first; task < stop; ++task) {
    if (p.shared && phase == 0) {
      const int64_t parts = split_parts(p), unit = task / parts, part = task % parts;
      split_region(s, p, buffers, block_of(s, p, unit), by, buffers.shared + unit * p.region_floats,
                   cut(p.cells, parts, part), cut(p.cells, parts, part + 1));
      continue;
    }
    const int64_t unit = task / p.ranges;
    const Block b = block_of(s, p, unit);
    float* region = buffers.scratch + sum_floats(s, p);
    if (p.shared) {
      region = buffers.shared + unit * p.region_floats;
    } else {
      split_region(s, p, buffers, b, by, region, 0, p.cells);
    }
    run_range(s, p, buffers, b, by, region, task % p.ranges);
  }
}

void run(const ConvShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
#ifdef STRIATE_AMX
  if (striate_amx()) {
    begin_tiles();
    run_phase(s, b, kTiles, phase, first, stop);
    return end_tiles();
  }
#endif
  run_phase(s, b, kVectors, phase, first, stop);
}

}  // namespace

extern const Kernel<ConvShape> conv_bf16x3;
const Kernel<ConvShape> conv_bf16x3 = {"bf16x3", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
