// Convolution of plain input, (N, C, D, H, W): the first layer of a network.
//
//   y[o][p] = f(bias[o] + sum over u, c, v, w of weight[o,c,u,v,w] * x[c][row of p,u,v][p*s + w*d])
//
// A tile is NV vectors of output channels by NP pixels of a row, in registers. A tap's input is
// broadcast straight from the row, for NP pixels one stride apart, and multiplied with NV vectors
// of weights: no im2col, no blocked copy of the input. Packed weights:
//
//   pair of blocks: | u0 c0 v0 w0: L floats of block 0, L of block 1 | w1 | ... | v1 | ... | c1 ...
//
// the last pair is a single block where their number is odd. Taps that lie above or below the map
// are left out of the loop. Where the filter hangs over the sides, the rows that a task reads are
// copied to scratch first, with zeros at both ends: 1 % of the time of a 7x7 on 3 channels, 5 % of
// a 3x3 of stride 2.
//
// A task is a band of rows, or a part of a row where one is long (signals), of all output channels.
// With `pool` it is one of pairs of rows, which are made in scratch and joined from there.
#include "conv/kernels/filters.hpp"
#include "kernels/activate.hpp"
#include "kernels/joined.hpp"
#include "kernels/math.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTaskSums = 32768;  // multiply-adds of vectors of a task: about 5 us
// Beside a single vector of output channels there is room for more pixels.
constexpr int kSinglePixels = kTilePixels >= 14 ? 14 : 2 * kTilePixels;

struct Tile {
  const float* x;                       // tap 0 of the first pixel
  int64_t plane, channel, row, column;  // floats from plane to plane, ..., and from tap to tap
  int64_t first_plane, stop_plane, first_row, stop_row;  // taps inside the map
  int64_t channels, height, width;                       // of the filter
  int64_t stride;                                        // floats from pixel to pixel
  const float* w;
  float* y;
  int64_t y_block, y_pixel;
  const float *bias, *residual;
  bool clamp;
  float low, high;
};

// SW: the stride, 0 for any.
template <int SW, int NV, int NP>
STRIATE_INLINE void add_row(Vector (&sum)[NV][NP], const Tile& t, const float* x, const float* w) {
  const int64_t stride = SW > 0 ? SW : t.stride;
  _Pragma("GCC unroll 1") for (int64_t k = 0; k < t.width; ++k, x += t.column, w += NV * kLanes) {
    Vector weight[NV];
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) weight[v] = load(w + v * kLanes);
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) {
      const Vector input = broadcast(x[p * stride]);
      STRIATE_UNROLL
      for (int v = 0; v < NV; ++v) {
        sum[v][p] += input * weight[v];
        pin(sum[v][p]);
      }
    }
  }
}

template <int SW, int NV, int NP>
static void tile(const Tile& t) {
  Vector sum[NV][NP];
  STRIATE_UNROLL
  for (int v = 0; v < NV; ++v) {
    const Vector bias = t.bias != nullptr ? load(t.bias + v * kLanes) : Vector{};
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[v][p] = bias;
  }
  const int64_t row_w = t.width * NV * kLanes;
  for (int64_t plane = t.first_plane; plane < t.stop_plane; ++plane) {
    for (int64_t c = 0; c < t.channels; ++c) {
      const float* x = t.x + plane * t.plane + c * t.channel + t.first_row * t.row;
      const float* w = t.w + ((plane * t.channels + c) * t.height + t.first_row) * row_w;
      for (int64_t i = t.first_row; i < t.stop_row; ++i, x += t.row, w += row_w) {
        add_row<SW>(sum, t, x, w);
      }
    }
  }
  if (t.residual != nullptr) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] += load(t.residual + v * t.y_block + p * t.y_pixel);
    }
  }
  if (t.clamp) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] = between(t.low, sum[v][p], t.high);
    }
  }
  STRIATE_UNROLL
  for (int v = 0; v < NV; ++v) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) store(t.y + v * t.y_block + p * t.y_pixel, sum[v][p]);
  }
}

typedef void (*TileFunction)(const Tile&);

struct TileTable {
  TileFunction pair[kTilePixels] = {}, single[kSinglePixels] = {};
};

template <int SW, int NV, int NP>
constexpr void fill(TileFunction* to) {
  to[NP - 1] = tile<SW, NV, NP>;
  if constexpr (NP > 1) fill<SW, NV, NP - 1>(to);
}

template <int SW>
constexpr TileTable tiles() {
  TileTable table;
  fill<SW, 2, kTilePixels>(table.pair);
  fill<SW, 1, kSinglePixels>(table.single);
  return table;
}

static constexpr TileTable kTiles[] = {tiles<0>(), tiles<1>(), tiles<2>(), tiles<4>()};

const TileTable& table_for(int64_t stride) {
  return kTiles[stride == 4 ? 3 : stride <= 2 ? stride : 0];
}

bool hangs_over(const ConvShape& s) {
  const int64_t stop =
      (s.out[2] - 1) * s.stride[2] - s.padding[2] + (s.kernel[2] - 1) * s.dilation[2] + 1;
  return s.padding[2] > 0 || stop > s.in[2];
}

// Rows, and columns, of outputs that make one of y.
int64_t each_of(const ConvShape& s) {
  return s.pool ? 2 : 1;
}

// A task is `rows` rows of a plane by `columns` columns, as near as they can be cut equally.
struct Split {
  int64_t bands, chunks;  // of a plane; of a row
};

Split split_of(const ConvShape& s) {
  const int64_t row = s.out[2] * s.taps() * s.in_channels * ceil_div(s.out_channels, kLanes);
  const int64_t tiles = ceil_div(s.out[2], kSinglePixels);
  Split split;
  split.chunks = most(1, least(ceil_div(tiles, 4), row / (8 * kTaskSums)));
  const int64_t rows = most(1, least(s.out[1], kTaskSums / row));
  split.bands = ceil_div(s.made(1), ceil_div(rows, each_of(s)));
  return split;
}

// Rows and columns of x that a task reads, their place in scratch if they are copied, and columns
// of outputs that it makes.
struct Band {
  int64_t rows, columns, floats, out_columns;
};

Band band_of(const ConvShape& s) {
  const Split split = split_of(s);
  Band band;
  const int64_t rows = ceil_div(s.made(1), split.bands) * each_of(s);
  band.out_columns = ceil_div(s.made(2), split.chunks) * each_of(s);
  band.rows = (rows - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1;
  band.columns = (band.out_columns - 1) * s.stride[2] + (s.kernel[2] - 1) * s.dilation[2] + 1;
  const int64_t floats = s.kernel[0] * s.in_channels * band.rows * band.columns;
  band.floats = hangs_over(s) ? ceil_div(floats, 16) * 16 : 0;
  return band;
}

STRIATE_INLINE void copy_row(const float* row, int64_t n, int64_t from, int64_t count, float* to) {
  const int64_t first = least(count, most(0, -from)), stop = most(first, least(count, n - from));
  for (int64_t i = 0; i < first; ++i) to[i] = 0;
  for (int64_t i = first; i < stop; ++i) to[i] = row[from + i];
  for (int64_t i = stop; i < count; ++i) to[i] = 0;
}

// Taps at places `first`, `first + dilation`, ... that are inside an axis of n pixels.
STRIATE_INLINE void taps_inside(int64_t first, int64_t dilation, int64_t taps, int64_t n,
                                int64_t* from, int64_t* to) {
  *from = first < 0 ? least(taps, ceil_div(-first, dilation)) : 0;
  *to = first < n ? least(taps, ceil_div(n - first, dilation)) : 0;
  if (*to < *from) *to = *from;
}

// A part of one image's output: a plane, rows, columns.
struct Part {
  int64_t plane, first_row, stop_row, first_column, stop_column;
};

// Copy what the part reads; t.x, t.plane, ... then tell where the part's first window begins.
void copy_band(const ConvShape& s, const Part& part, const float* map, float* scratch, Tile& t) {
  const Band band = band_of(s);
  const int64_t top = part.first_row * s.stride[1] - s.padding[1];
  const int64_t left = part.first_column * s.stride[2] - s.padding[2];
  const int64_t rows =
      (part.stop_row - 1 - part.first_row) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1;
  t.row = band.columns;
  t.channel = band.rows * t.row;
  t.plane = s.in_channels * t.channel;
  for (int64_t u = t.first_plane; u < t.stop_plane; ++u) {
    const int64_t plane = part.plane * s.stride[0] - s.padding[0] + u * s.dilation[0];
    for (int64_t c = 0; c < s.in_channels; ++c) {
      for (int64_t i = most(0, -top); i < least(rows, s.in[1] - top); ++i) {
        const float* row = map + ((c * s.in[0] + plane) * s.in[1] + top + i) * s.in[2];
        copy_row(row, s.in[2], left, t.row, scratch + u * t.plane + c * t.channel + i * t.row);
      }
    }
  }
  t.x = scratch;
  t.row *= s.dilation[1];
}

// A row of outputs by near-equal tiles; t.x, t.y and t.residual are its first pixel's, and change.
void compute_row(const ConvShape& s, Tile& t, int64_t blocks, int64_t columns) {
  const TileTable& table = table_for(s.stride[2]);
  const TileFunction* of = blocks == 1 ? table.single : table.pair;
  const int64_t tiles = ceil_div(columns, blocks == 1 ? kSinglePixels : kTilePixels);
  const int64_t small = columns / tiles, large = columns - small * tiles;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t count = small + (i < large ? 1 : 0);
    of[count - 1](t);
    t.x += count * s.stride[2];
    t.y += count * t.y_pixel;
    if (t.residual != nullptr) t.residual += count * t.y_pixel;
  }
}

// Two rows of outputs of some blocks, `line` floats each, as one of y. Row 1 lies behind all of 0.
void join_rows(const float* rows, int64_t line, int64_t blocks, float* y, int64_t y_block) {
  for (int64_t block = 0; block < blocks; ++block, rows += line, y += y_block) {
    const float* below = rows + 2 * line;
    for (int64_t j = 0; j + kLanes < line; j += 2 * kLanes) {
      const Vector above = largest(load(rows + j), load(rows + j + kLanes));
      const Vector both = largest(load(below + j), load(below + j + kLanes));
      store(y + j / 2, largest(above, both));
    }
  }
}

void compute_part(const ConvShape& s, const Buffers& b, int64_t n, const Part& part) {
  const float* map = b.in[0] + n * s.x_batch_stride;
  Tile t = {};
  t.channels = s.in_channels;
  t.height = s.kernel[1];
  t.width = s.kernel[2];
  t.column = s.dilation[2];
  t.stride = s.stride[2];
  const int64_t columns = part.stop_column - part.first_column, line = columns * kLanes;
  const int64_t y_block = s.full_pixels() * kLanes;
  t.y_block = s.pool ? line : y_block;
  t.y_pixel = s.out_step[2] * kLanes;
  t.clamp = s.activation.kind == Activation::clamp;
  t.low = s.activation.alpha;
  t.high = s.activation.beta;
  const int64_t plane = part.plane * s.stride[0] - s.padding[0];
  const int64_t top = part.first_row * s.stride[1] - s.padding[1];
  taps_inside(plane, s.dilation[0], s.kernel[0], s.in[0], &t.first_plane, &t.stop_plane);
  if (hangs_over(s)) {
    copy_band(s, part, map, b.scratch, t);
  } else {
    t.plane = s.dilation[0] * s.in[1] * s.in[2];
    t.channel = s.in_pixels();
    t.row = s.dilation[1] * s.in[2];
    t.x = map + (plane * s.in[1] + top) * s.in[2] + part.first_column * s.stride[2] - s.padding[2];
  }
  const int64_t next_row = t.row / s.dilation[1] * s.stride[1];
  const int64_t blocks = ceil_div(s.out_channels, kLanes);
  const bool other = s.activation.kind != Activation::none && !t.clamp;
  const float* x = t.x;
  float* const rows = b.scratch + band_of(s).floats;  // with `pool`
  for (int64_t block = 0; block < blocks; block += 2) {
    const int64_t count = least(2, blocks - block);
    t.w = b.weight[0] + block * s.in_channels * s.taps() * kLanes;
    t.bias = s.bias ? b.weight[1] + block * kLanes : nullptr;
    for (int64_t row = part.first_row; row < part.stop_row; ++row) {
      const int64_t pixel = ((s.out_start[0] + part.plane * s.out_step[0]) * s.out_full[1] +
                             s.out_start[1] + (row >> s.pool) * s.out_step[1]) *
                                s.out_full[2] +
                            s.out_start[2] + (part.first_column >> s.pool) * s.out_step[2];
      const int64_t at = block * y_block + pixel * kLanes;
      taps_inside(row * s.stride[1] - s.padding[1], s.dilation[1], s.kernel[1], s.in[1],
                  &t.first_row, &t.stop_row);
      t.x = x + (row - part.first_row) * next_row;
      float* const y = b.out[0] + n * s.y_batch_stride + at;
      t.y = s.pool ? rows + row % 2 * 2 * line : y;
      t.residual = s.residual ? b.in[1] + n * s.residual_batch_stride + at : nullptr;
      compute_row(s, t, count, columns);
      if (s.pool && row % 2 == 0) continue;
      if (s.pool) join_rows(rows, line, count, y, y_block);
      for (int64_t b = 0; other && b < count; ++b) {
        activate_vectors(s.activation, y + b * y_block, columns >> s.pool, t.y_pixel);
      }
    }
  }
}

bool fits(const ConvShape& s) {
  return s.plain_input && !s.plain_weight && s.groups == 1 && !s.scale;
}

Needs needs(const ConvShape& s, int) {
  const Split split = split_of(s);
  Needs needs;
  const int64_t blocks = ceil_div(s.out_channels, kLanes);
  needs.weight_floats = ceil_div(blocks * s.in_channels * s.taps() * kLanes, 16) * 16;
  const Band band = band_of(s);
  const int64_t joined = s.pool ? 2 * 2 * band.out_columns * kLanes : 0;
  needs.thread_floats = ceil_div(band.floats + joined, 16) * 16;
  needs.tasks[0] = s.batch * s.out[0] * split.bands * split.chunks;
  return needs;
}

// The channels of a plane of taps lie one behind the other.
void pack(const ConvShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  const int64_t blocks = ceil_div(s.out_channels, kLanes), image = s.kernel[1] * s.kernel[2];
  const int64_t terms = s.in_channels * s.taps();
  ConvShape plane = s;
  plane.kernel[0] = 1;
  for (int64_t block = 0; block < blocks; block += 2) {
    const int64_t vectors = least(2, blocks - block), output = block * kLanes;
    for (int64_t i = 0; i < s.kernel[0] * s.in_channels; ++i) {
      Cells cells = {};
      cells.from = w.first + output * w.output + i / s.in_channels * w.tap[0] +
                   i % s.in_channels * w.channel;
      cells.output = w.output;
      cells.to = packed + (block * terms + i * image * vectors) * kLanes;
      cells.to_step = vectors * kLanes;
      cells.vectors = vectors;
      cells.stop = s.out_channels - output;
      pack_taps(plane, w, cells);
    }
  }
  for (int64_t i = blocks * terms * kLanes; i < needs(s, 1).weight_floats; ++i) packed[i] = 0;
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const Split split = split_of(s);
  const int64_t each = each_of(s);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t chunk = task % split.chunks, band = task / split.chunks % split.bands;
    const int64_t plane = task / split.chunks / split.bands;
    Part part;
    part.plane = plane % s.out[0];
    part.first_row = each * cut(s.made(1), split.bands, band);
    part.stop_row = each * cut(s.made(1), split.bands, band + 1);
    part.first_column = each * cut(s.made(2), split.chunks, chunk);
    part.stop_column = each * cut(s.made(2), split.chunks, chunk + 1);
    compute_part(s, b, plane / s.out[0], part);
  }
}

}  // namespace

extern const Kernel<ConvShape> conv_first;
const Kernel<ConvShape> conv_first = {"first", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
