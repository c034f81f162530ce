// On plain input, (N, C, D, H, W): the first layer of a network.
//
// The rows of x that a band reads are copied to scratch with zeros where windows hang over the map:
//
//   x[channel][plane of the filter][row][column]
//
// so that each of a filter's weights, (channel, tap), is at one distance from every place. Tiles
// are up to 4 or 6 weights by 3 or 2 vectors of gy, or rows of three taps by one (taps.hpp). A task
// has a chunk of the bands, all weights of a range of the filters; its partial sums
//
//   partial[vectors of gy, up to 3][weight][vector][lane]
//
// are added up and turned in a second phase. A norm's gradient is made in scratch, a band of a
// vector or of a set of them at a time.
#include "conv_weight/kernels/bands.hpp"
#include "conv_weight/kernels/chunks.hpp"
#include "conv_weight/kernels/first_bands.hpp"
#include "conv_weight/kernels/taps.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr TileTable kTiles = tiles<false>();
constexpr TapTable kTapTiles = tap_tiles();
constexpr int64_t kPartialFloats = 65536;  // of a task: 256 KiB of L2

struct Plan {
  int64_t weights;  // of a filter
  int64_t vectors, sets, set_ranges, chunks;
  int64_t row_parts, column_parts, bands;
  int64_t rows, columns;  // of x, of the largest band
  int64_t places;         // of gy, likewise
  int64_t partial_floats;

  int64_t first_vector(int64_t set) const { return cut(vectors, sets, set); }
};

Plan plan(const ConvWeightShape& s) {
  Plan p;
  p.weights = s.in_channels * s.taps();
  p.vectors = ceil_div(s.out_channels, kLanes);
  p.sets = ceil_div(p.vectors, kTileVectors);
  p.set_ranges = least(p.sets, ceil_div(p.weights * p.vectors * kLanes, kPartialFloats));
  const Bands bands = cut_bands(s, 1);
  p.row_parts = bands.row_parts;
  p.column_parts = bands.column_parts;
  p.bands = s.batch * s.out[0] * p.row_parts * p.column_parts;
  const int64_t rows = ceil_div(s.out[1], p.row_parts);
  const int64_t columns = ceil_div(s.out[2], p.column_parts);
  p.rows = (rows - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1;
  p.columns = (columns - 1) * s.stride[2] + (s.kernel[2] - 1) * s.dilation[2] + 1;
  p.places = rows * columns;
  p.chunks = chunks_of(p.bands, p.set_ranges);
  p.partial_floats = p.vectors * kLanes * (p.weights + (s.bias ? 1 : 0));
  return p;
}

bool fits(const ConvWeightShape& s) {
  return s.plain_input && s.groups == 1;
}

int64_t copy_floats(const ConvWeightShape& s, const Plan& p) {
  return ceil_div(s.in_channels * s.kernel[0] * p.rows * p.columns, 16) * 16;
}

// Each weight's distance in the copy: 2 floats.
int64_t list_floats(const Plan& p) {
  return ceil_div(2 * p.weights, 16) * 16;
}

int64_t gradient_floats(const ConvWeightShape& s, const Plan& p) {
  return s.norm ? kTileVectors * p.places * kLanes : 0;
}

Needs needs(const ConvWeightShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.shared_floats = p.chunks * p.partial_floats;
  needs.thread_floats =
      ceil_div(copy_floats(s, p) + list_floats(p) + gradient_floats(s, p), 16) * 16;
  needs.phases = 2;
  needs.tasks[0] = p.chunks * p.set_ranges;
  needs.tasks[1] = p.vectors;
  return needs;
}

void list_weights(const ConvWeightShape& s, const Plan& p, int64_t* at) {
  for (int64_t plane = 0; plane < s.in_channels * s.kernel[0]; ++plane) {
    for (int64_t v = 0; v < s.kernel[1]; ++v) {
      for (int64_t w = 0; w < s.kernel[2]; ++w) {
        *at++ = (plane * p.rows + v * s.dilation[1]) * p.columns + w * s.dilation[2];
      }
    }
  }
}

FirstBand part_of(const ConvWeightShape& s, const Plan& p, int64_t band) {
  const int64_t column = band % p.column_parts, row = band / p.column_parts % p.row_parts;
  const int64_t plane = band / p.column_parts / p.row_parts;
  return {plane / s.out[0],
          plane % s.out[0],
          cut(s.out[1], p.row_parts, row),
          cut(s.out[1], p.row_parts, row + 1),
          cut(s.out[2], p.column_parts, column),
          cut(s.out[2], p.column_parts, column + 1)};
}

void copy_part(const ConvWeightShape& s, const Plan& p, const FirstBand& part, const float* x,
               float* to) {
  const int64_t top = part.first_row * s.stride[1] - s.padding[1];
  const int64_t left = part.first_column * s.stride[2] - s.padding[2];
  const int64_t rows =
      (part.stop_row - part.first_row - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1;
  for (int64_t c = 0; c < s.in_channels; ++c) {
    for (int64_t u = 0; u < s.kernel[0]; ++u, to += p.rows * p.columns) {
      const int64_t z = part.plane * s.stride[0] - s.padding[0] + u * s.dilation[0];
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t y = top + i;
        const bool inside = z >= 0 && z < s.in[0] && y >= 0 && y < s.in[1];
        const float* row = inside ? x + ((c * s.in[0] + z) * s.in[1] + y) * s.in[2] : nullptr;
        copy_row(row, s.in[2], left, p.columns, to + i * p.columns);
      }
    }
  }
}

// Few rows would wait for their own sums.
bool takes_taps(const ConvWeightShape& s) {
  const int64_t rows = s.in_channels * s.kernel[0] * s.kernel[1];
  return kTapRows > 0 && 2 * rows > kTapRows && s.kernel[2] == kTapsWide && s.stride[2] == 1 &&
         s.dilation[2] == 1 && s.out[2] > 1;
}

// A set of vectors over a band, a vector and a filter's rows at a time.
void add_rows(const Plan& p, Tile t, const int64_t* at, int64_t vectors, float* partial) {
  const int64_t rows = p.weights / kTapsWide, parts = ceil_div(rows, kTapRows);
  t.sum_step = vectors * kLanes;
  for (int64_t v = 0; v < vectors; ++v, t.gy += t.gy_vector, partial += kLanes) {
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t row = cut(rows, parts, part), count = cut(rows, parts, part + 1) - row;
      t.at = at + kTapsWide * row;
      t.sum = partial + kTapsWide * row * t.sum_step;
      kTapTiles.of[count](t);
    }
  }
}

// The same by tiles of weights and vectors.
void add_set(const Plan& p, Tile t, const int64_t* at, int64_t vectors, float* partial) {
  t.sum_step = vectors * kLanes;
  const int64_t parts = ceil_div(p.weights, tile_numbers(vectors));
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t k = cut(p.weights, parts, part), count = cut(p.weights, parts, part + 1) - k;
    t.at = at + k;
    t.sum = partial + k * t.sum_step;
    kTiles.of[vectors - 1][count - 1](t);
  }
}

void compute(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t set_range = task % p.set_ranges, chunk = task / p.set_ranges;
  const int64_t first_set = cut(p.sets, p.set_ranges, set_range);
  const int64_t stop_set = cut(p.sets, p.set_ranges, set_range + 1);
  const int64_t first = p.first_vector(first_set), stop = p.first_vector(stop_set);
  float* const partial = b.shared + chunk * p.partial_floats;
  float* const made = b.scratch + copy_floats(s, p) + list_floats(p);
  float* const bias = partial + p.vectors * kLanes * p.weights;
  clear(partial + first * kLanes * p.weights, (stop - first) * kLanes * p.weights);
  if (s.bias) clear(bias + first * kLanes, (stop - first) * kLanes);
  int64_t* const at = reinterpret_cast<int64_t*>(b.scratch + copy_floats(s, p));
  list_weights(s, p, at);
  TileRow rows[kBandPlaces];
  Tile t = {};
  t.x = b.scratch;
  t.rows = rows;
  t.x_step = s.stride[2];
  t.gy_vector = (s.norm ? p.places : s.out_pixels()) * kLanes;
  const auto add = takes_taps(s) ? add_rows : add_set;
  const int64_t last = cut(p.bands, p.chunks, chunk + 1);
  for (int64_t band = cut(p.bands, p.chunks, chunk); band < last; ++band) {
    const FirstBand part = part_of(s, p, band);
    copy_part(s, p, part, b.in[0] + part.image * s.x_batch_stride, b.scratch);
    t.row_count = part.stop_row - part.first_row;
    t.places = part.stop_column - part.first_column;
    for (int64_t i = 0; i < t.row_count; ++i) {
      rows[i] = {i * s.stride[1] * p.columns, i * s.out[2] * kLanes};
    }
    for (int64_t set = first_set; set < stop_set; ++set) {
      const int64_t vector = p.first_vector(set), vectors = p.first_vector(set + 1) - vector;
      t.gy = gradients(s, b, part, vector, vectors, t.gy_vector, made);
      if (s.bias) sum_places(t, vectors, bias + vector * kLanes);
      add(p, t, at, vectors, partial + vector * kLanes * p.weights);
    }
  }
}

// Write one vector of filters in the plain layout.
void finish(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t vector) {
  int64_t set = 0;
  while (p.first_vector(set + 1) <= vector) ++set;
  const int64_t first = p.first_vector(set), vectors = p.first_vector(set + 1) - first;
  const int64_t step = vectors * kLanes, used = used_lanes(s.out_channels, vector);
  float* const sums = b.shared + (first * p.weights + vector - first) * kLanes;
  for (int64_t k = 0; k < p.weights; ++k) {
    add_chunks(sums + k * step, kLanes, p.chunks, p.partial_floats);
  }
  turn(sums, step, p.weights, 0, used, b.out[0] + vector * kLanes * p.weights, p.weights);
  if (!s.bias) return;
  float* const bias = b.shared + (p.vectors * p.weights + vector) * kLanes;
  add_chunks(bias, kLanes, p.chunks, p.partial_floats);
  for (int64_t i = 0; i < used; ++i) b.out[1][vector * kLanes + i] = bias[i];
}

void run(const ConvWeightShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  for (int64_t task = first; task < stop; ++task) {
    (phase == 0 ? compute : finish)(s, p, b, task);
  }
}

}  // namespace

extern const Kernel<ConvWeightShape> conv_weight_first;
const Kernel<ConvWeightShape> conv_weight_first = {"first", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
