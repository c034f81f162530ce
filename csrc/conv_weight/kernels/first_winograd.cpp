// 3x3 filters of a first layer, on plain input, by Winograd's algorithm (winograd_tiles.hpp). It
// pays for volumes, whose planes of gy are transformed once for all planes of a filter.
//
// A task has a chunk of the bands: a row of tiles of an image, through all its planes. It turns
// rows of x to lines, those to products' factors, kLanes tiles at a time, and keeps these for as
// many planes as a filter has; and tiles of gy, where they lie or made as a norm's gradient:
//
//   h[channel][row][line][tile]
//   v[plane % planes][group of kLanes tiles][product][channel][tile of the group]
//   q[product][vector of gy, up to 3][tile][lane]
//
// Partial sums are added up, transformed and turned in a second phase:
//
//   partial[product][vectors of gy, up to 3][channel][plane of the filter][vector][lane]
#include "conv_weight/kernels/bands.hpp"
#include "conv_weight/kernels/first_bands.hpp"
#include "conv_weight/kernels/winograd_tiles.hpp"
#include "kernels/fetch.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr TileTable kTiles = tiles<false>();
constexpr int64_t kLeastPlanes = 8, kMostPlanes = 32;  // of all channels of a filter
constexpr int64_t kMostColumns = 1024;                 // of gy: four rows of it are in scratch

struct Plan {
  int64_t planes;  // of all channels of a filter
  int64_t vectors, sets, chunks;
  int64_t rows, columns, groups;  // tiles; groups of a row
  int64_t v_group, q_vector, q_product;
  int64_t product_floats, partial_floats;
  // Scratch: a row of x with zeros around it, and as in the comment above.
  int64_t row_floats, h_floats, v_floats, q_floats;

  int64_t bands(const ConvWeightShape& s) const { return s.batch * rows; }
  int64_t first_vector(int64_t set) const { return cut(vectors, sets, set); }
  int64_t line() const { return groups * kLanes; }
};

Plan plan(const ConvWeightShape& s) {
  Plan p;
  p.planes = s.in_channels * s.kernel[0];
  p.vectors = ceil_div(s.out_channels, kLanes);
  p.sets = ceil_div(p.vectors, kTileVectors);
  p.rows = ceil_div(s.out[1], kTile);
  p.columns = ceil_div(s.out[2], kTile);
  p.groups = ceil_div(p.columns, kLanes);
  p.chunks = chunks_of(p.bands(s), 1);
  p.v_group = kProducts * s.in_channels * kLanes;
  p.q_vector = kLanes * kLanes;
  p.q_product = least(p.vectors, kTileVectors) * p.q_vector + 16;  // not all in one set of L1
  p.product_floats = p.vectors * p.planes * kLanes;
  p.partial_floats = kProducts * p.product_floats + (s.bias ? p.vectors * kLanes : 0);
  p.row_floats = (p.line() + kLanes) * kTile;
  p.h_floats = s.in_channels * kProducts * p.line();
  p.v_floats = s.kernel[0] * p.groups * p.v_group;
  p.q_floats = kProducts * p.q_product;
  return p;
}

bool fits(const ConvWeightShape& s) {
  for (int i = 0; i < 3; ++i) {
    if (s.stride[i] != 1 || s.dilation[i] != 1 || (i > 0 && s.kernel[i] != 3)) return false;
  }
  const int64_t planes = s.in_channels * s.kernel[0];
  return s.plain_input && s.groups == 1 && planes >= kLeastPlanes && planes <= kMostPlanes &&
         s.out[2] <= kMostColumns && saves_products(s, 4);
}

Needs needs(const ConvWeightShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.shared_floats = p.chunks * p.partial_floats;
  needs.thread_floats = p.row_floats + p.h_floats + p.v_floats + p.q_floats;
  if (s.norm) needs.thread_floats += kTileVectors * kTile * s.out[2] * kLanes;
  needs.thread_floats = ceil_div(needs.thread_floats, 16) * 16;
  needs.phases = 2;
  needs.tasks[0] = p.chunks;
  needs.tasks[1] = p.vectors;
  return needs;
}

// Inputs of kLanes tiles of a row: those behind the fourth are the next tile's, too.
STRIATE_INLINE void read_tiles(const float* x, Vector (&d)[kTile]) {
  STRIATE_UNROLL
  for (int i = 0; i < kTile; ++i) d[i] = load(x + i * kLanes);
  deal(d);
}

// A row, with zeros where the map ends, as its lines.
static void transform_row(const float* row, int64_t line, float* h) {
  Vector now[kTile], next[kTile];
  read_tiles(row, now);
  for (int64_t tile = 0; tile < line; tile += kLanes) {
    read_tiles(row + (tile + kLanes) * kTile, next);
    Vector d[kReach], v[kReach];
    STRIATE_UNROLL
    for (int i = 0; i < kTile; ++i) d[i] = now[i];
    STRIATE_UNROLL
    for (int i = kTile; i < kReach; ++i) d[i] = shifted(now[i - kTile], next[i - kTile]);
    input_line(d, v);
    STRIATE_UNROLL
    for (int i = 0; i < kReach; ++i) store(h + i * line + tile, v[i]);
    STRIATE_UNROLL
    for (int i = 0; i < kTile; ++i) now[i] = next[i];
  }
}

// The lines of a group to v.
static void transform_columns(int64_t channels, int64_t line, const float* h, float* v) {
  for (int64_t c = 0; c < channels; ++c, h += kProducts * line, v += kLanes) {
    for (int j = 0; j < kReach; ++j) {
      Vector d[kReach], t[kReach];
      STRIATE_UNROLL
      for (int i = 0; i < kReach; ++i) d[i] = load(h + (i * kReach + j) * line);
      input_line(d, t);
      STRIATE_UNROLL
      for (int i = 0; i < kReach; ++i) store(v + (i * kReach + j) * channels * kLanes, t[i]);
    }
  }
}

// A band, and where a task keeps what it needs for it.
struct Work {
  int64_t image, row;  // of tiles
  float *padded, *h, *v, *q, *made, *partial, *bias;
};

// What a row of tiles reads of a plane of x, which counts from the padding's first, to v.
void transform_plane(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Work& work,
                     int64_t position) {
  const int64_t plane = position - s.padding[0], top = work.row * kTile - s.padding[1];
  const float* const x = b.in[0] + work.image * s.x_batch_stride;
  for (int64_t c = 0; c < s.in_channels; ++c) {
    for (int64_t i = 0; i < kReach; ++i) {
      const int64_t y = top + i;
      const bool inside = plane >= 0 && plane < s.in[0] && y >= 0 && y < s.in[1];
      const float* from = inside ? x + ((c * s.in[0] + plane) * s.in[1] + y) * s.in[2] : nullptr;
      if (inside && plane + 1 < s.in[0]) {  // the next plane's short row, soon
        const float* const next = from + s.in[1] * s.in[2];
        for (int64_t k = 0; k < s.in[2]; k += 16) __builtin_prefetch(next + k);
      }
      copy_row(from, s.in[2], -s.padding[2], p.row_floats, work.padded);
      transform_row(work.padded, p.line(), work.h + (c * kReach + i) * kReach * p.line());
    }
  }
  float* const v = work.v + position % s.kernel[0] * p.groups * p.v_group;
  for (int64_t group = 0; group < p.groups; ++group) {
    transform_columns(s.in_channels, p.line(), work.h + group * kLanes, v + group * p.v_group);
  }
}

// What is read of the next plane, which lies too far away for the processor to fetch it by itself:
// of gy, or of the map that its norm's gradient is made of; some lines at each product.
struct Ahead {
  const float *next, *stop;
  int64_t lines;
};

Ahead ahead_of(const ConvWeightShape& s, const Plan& p, const Buffers& b, const FirstBand& band,
               int64_t vector) {
  FirstBand behind = band;
  if (++behind.plane == s.out[0]) return {nullptr, nullptr, 0};
  const int64_t image = band.image * (s.norm ? s.norm_batch_stride : s.y_batch_stride);
  const int64_t floats = (band.stop_row - band.first_row) * s.out[2] * kLanes;
  const float* const next =
      b.in[s.norm ? 2 : 1] + image + (vector * s.out_pixels() + first_place(s, behind)) * kLanes;
  return {next, next + floats, ceil_div(floats, p.groups * kProducts * kLineFloats)};
}

// A set of vectors of gy, of a plane's row of tiles, beside all planes of x that it meets.
void add_set(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Work& work,
             int64_t plane, int64_t set) {
  const int64_t vector = p.first_vector(set), vectors = p.first_vector(set + 1) - vector;
  const int64_t first = work.row * kTile, rows = least(kTile, s.out[1] - first);
  const int64_t step = (s.norm ? kTile * s.out[2] : s.out_pixels()) * kLanes;
  const FirstBand band = {work.image, plane, first, first + rows, 0, s.out[2]};
  const float* const gy = gradients(s, b, band, vector, vectors, step, work.made);
  const TileRow row = {0, 0};
  int64_t at[kMostPlanes];
  Tile t = {};
  t.rows = &row;
  t.row_count = 1;
  t.x_step = 1;
  t.gy_vector = p.q_vector;
  t.sum_step = vectors * kLanes;
  const int64_t parts = ceil_div(p.planes, tile_numbers(static_cast<int>(vectors)));
  Ahead ahead = ahead_of(s, p, b, band, vector);
  for (int64_t group = 0; group < p.groups; ++group) {
    t.places = least(kLanes, p.columns - group * kLanes);
    for (int64_t i = 0; i < t.places; ++i) {
      for (int64_t v = 0; v < vectors; ++v) {
        gy_tile(gy + v * step, rows, s.out[2], 0, (group * kLanes + i) * kTile,
                work.q + v * p.q_vector + i * kLanes, p.q_product,
                s.bias ? work.bias + (vector + v) * kLanes : nullptr);
      }
    }
    for (int64_t k = 0; k < p.planes; ++k) {
      const int64_t slot = (plane + k % s.kernel[0]) % s.kernel[0];
      at[k] = (slot * p.groups + group) * p.v_group + k / s.kernel[0] * kLanes;
    }
    for (int64_t product = 0; product < kProducts; ++product) {
      fetch_lines(ahead.next, ahead.stop, ahead.lines);
      t.x = work.v + product * s.in_channels * kLanes;
      t.gy = work.q + product * p.q_product;
      float* const sums = work.partial + product * p.product_floats + vector * p.planes * kLanes;
      for (int64_t i = 0; i < parts; ++i) {
        const int64_t k = cut(p.planes, parts, i);
        t.at = at + k;
        t.sum = sums + k * t.sum_step;
        kTiles.of[vectors - 1][cut(p.planes, parts, i + 1) - k - 1](t);
      }
    }
  }
}

void compute(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t chunk) {
  Work work;
  work.padded = b.scratch;
  work.h = work.padded + p.row_floats;
  work.v = work.h + p.h_floats;
  work.q = work.v + p.v_floats;
  work.made = work.q + p.q_floats;
  work.partial = b.shared + chunk * p.partial_floats;
  work.bias = work.partial + kProducts * p.product_floats;
  clear(work.partial, p.partial_floats);
  const int64_t stop = cut(p.bands(s), p.chunks, chunk + 1);
  for (int64_t band = cut(p.bands(s), p.chunks, chunk); band < stop; ++band) {
    work.image = band / p.rows;
    work.row = band % p.rows;
    int64_t ready = 0;  // planes of x
    for (int64_t plane = 0; plane < s.out[0]; ++plane) {
      for (; ready < plane + s.kernel[0]; ++ready) transform_plane(s, p, b, work, ready);
      for (int64_t set = 0; set < p.sets; ++set) add_set(s, p, b, work, plane, set);
    }
  }
}

// Write one vector of filters in the plain layout.
void finish(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t vector) {
  int64_t set = 0;
  while (p.first_vector(set + 1) <= vector) ++set;
  const int64_t first = p.first_vector(set), step = (p.first_vector(set + 1) - first) * kLanes;
  const int64_t used = used_lanes(s.out_channels, vector), filter = 9 * p.planes;
  float* const sums = b.shared + (first * p.planes + vector - first) * kLanes;
  alignas(64) float weights[9 * kMostPlanes * kLanes];
  for (int64_t k = 0; k < p.planes; ++k) {
    for (int64_t product = 0; product < kProducts; ++product) {
      add_chunks(sums + product * p.product_floats + k * step, kLanes, p.chunks, p.partial_floats);
    }
    Vector w[9];
    weights_of(sums + k * step, p.product_floats, w);
    STRIATE_UNROLL
    for (int i = 0; i < 9; ++i) store(weights + (k * 9 + i) * kLanes, w[i]);
  }
  turn(weights, kLanes, filter, 0, used, b.out[0] + vector * kLanes * filter, filter);
  if (!s.bias) return;
  float* const bias = b.shared + kProducts * p.product_floats + vector * kLanes;
  add_chunks(bias, kLanes, p.chunks, p.partial_floats);
  for (int64_t i = 0; i < used; ++i) b.out[1][vector * kLanes + i] = bias[i];
}

void run(const ConvWeightShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  for (int64_t task = first; task < stop; ++task) (phase == 0 ? compute : finish)(s, p, b, task);
}

}  // namespace

extern const Kernel<ConvWeightShape> conv_weight_first_winograd;
const Kernel<ConvWeightShape> conv_weight_first_winograd = {"first_winograd", fits, needs, nullptr,
                                                            run};

}  // namespace striate::STRIATE_TARGET
