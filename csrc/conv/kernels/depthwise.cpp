// Depthwise convolution: every channel has a filter of its own, so that channels are lanes.
//
//   y[n,b,i,j] = f(bias[b] + sum over taps of w[b][tap] * x[n, b, i*s - p + u*d, ...])
//
// Each cell is a vector of L channels of block b; along up to three axes, any stride, dilation and
// padding. Packed weights:
//
//   w  block b: | tap 0: L floats | tap 1 | ... |        taps in the order depth, height, width
//
// A tile is NR rows by NP columns of outputs, kept in registers. Two rows share the rows of x they
// both read: with 2 x 6 outputs a tap takes 6 + 2 loads for 12 multiply-adds, where a single row
// would take 7 for 6 and wait for them (7x7 is bound by loads). The widths 3, 5 and 7 at strides 1
// and 2 are unrolled, all others run through a loop over the taps of a row.
//
// Outside the map x is 0: rows there are left out of the loop, columns by a bit each (`inside`
// tells tiles that need no bits). So nothing is copied, and edges cost less than the middle.
//
// 3x3 is bound by memory where the maps are not in L1: each task is a band of rows of one map, or
// several small maps.
#include "conv/shape.hpp"
#include "kernels/activate.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTaskSums = 8192;  // multiply-adds of vectors of a task: 2 to 10 us
// 2 rows x 6 columns + 2 weights + 1 input use 15 of 16 registers; x 7 fits 14 and 7 wide maps.
constexpr int kColumns = kTilePixels >= 14 ? 7 : kTilePixels >= 6 ? 6 : 2;
constexpr int kAnyColumns = kTilePixels >= 6 ? 12 : 4;  // of the loop over taps, one row

struct Tile {
  const float* x;                     // tap 0 of the first output; may lie outside the map
  int64_t plane, row, pixel, column;  // floats from tap to tap, and from output to output in a row
  int64_t first_plane, stop_plane;    // taps that lie inside the map
  int64_t first_row, stop_row;        // rows of x from the first tap's that lie inside it
  int64_t first_column, stop_column;  // floats from x that lie inside the row
  uint32_t columns;                   // the same as a bit for each column
  int64_t height, width, row_stride;  // taps; rows of x from output row to output row
  const float* w;
  float* y;
  int64_t y_row, y_pixel;
  const float *bias, *scale, *residual;
  bool clamp;
  float low, high;
};

// Add row x of the map to rows R0 .. R1-1 of the tile; w is the weights' row for output row 0.
template <int KW, int SW, bool kInside, int R0, int R1, int NR, int NP>
STRIATE_INLINE void add_row(Vector (&sum)[NR][NP], const Tile& t, const float* x, const float* w) {
  const int64_t next_w = t.row_stride * t.width * kLanes;
  if constexpr (KW > 0 && kInside) {
    STRIATE_UNROLL
    for (int k = 0; k < KW; ++k) {
      asm volatile("" ::: "memory");  // else GCC keeps what taps share, and spills
      Vector weight[NR];
      STRIATE_UNROLL
      for (int r = R0; r < R1; ++r) weight[r] = load(w - r * next_w + k * kLanes);
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) {
        const Vector v = load(x + (p * SW + k) * kLanes);
        STRIATE_UNROLL
        for (int r = R0; r < R1; ++r) sum[r][p] += v * weight[r];
      }
    }
  } else if constexpr (KW > 0) {
    STRIATE_UNROLL
    for (int c = 0; c < (NP - 1) * SW + KW; ++c) {
      if ((t.columns >> c & 1) == 0) continue;
      const Vector v = load(x + c * kLanes);
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) {
        const int k = c - p * SW;
        if (k < 0 || k >= KW) continue;
        STRIATE_UNROLL
        for (int r = R0; r < R1; ++r) sum[r][p] += v * load(w - r * next_w + k * kLanes);
      }
    }
  } else {
    const int64_t stop = t.width * t.pixel;
    for (int64_t k = 0; k < stop; k += t.pixel, w += kLanes) {
      const Vector weight = load(w);
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) {
        const int64_t at = k + p * t.column;
        if (kInside || (at >= t.first_column && at < t.stop_column))
          sum[0][p] += load(x + at) * weight;
      }
    }
  }
}

template <int NR, int NP>
STRIATE_INLINE void finish(Vector (&sum)[NR][NP], const Tile& t) {
  if (t.scale != nullptr) {
    const Vector scale = load(t.scale);
    STRIATE_UNROLL
    for (int r = 0; r < NR; ++r) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[r][p] *= scale;
    }
  }
  const Vector bias = t.bias != nullptr ? load(t.bias) : Vector{};
  STRIATE_UNROLL
  for (int r = 0; r < NR; ++r) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[r][p] += bias;
  }
  if (t.residual != nullptr) {
    STRIATE_UNROLL
    for (int r = 0; r < NR; ++r) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[r][p] += load(t.residual + r * t.y_row + p * t.y_pixel);
    }
  }
  if (t.clamp) {
    const Vector low = broadcast(t.low), high = broadcast(t.high);
    STRIATE_UNROLL
    for (int r = 0; r < NR; ++r) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[r][p] = min(max(sum[r][p], low), high);
    }
  }
  STRIATE_UNROLL
  for (int r = 0; r < NR; ++r) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) store(t.y + r * t.y_row + p * t.y_pixel, sum[r][p]);
  }
}

// KW and SW: taps and stride of a row, 0 for any.
template <int KW, int SW, bool kInside, int NR, int NP>
static void tile(const Tile& t) {
  Vector sum[NR][NP] = {};
  for (int64_t plane = t.first_plane; plane < t.stop_plane; ++plane) {
    const float* x = t.x + plane * t.plane + t.first_row * t.row;
    const float* w = t.w + (plane * t.height + t.first_row) * t.width * kLanes;
    for (int64_t i = t.first_row; i < t.stop_row; ++i, x += t.row, w += t.width * kLanes) {
      if constexpr (NR == 1) {
        add_row<KW, SW, kInside, 0, 1>(sum, t, x, w);
      } else if (i < t.height && i >= t.row_stride) {
        add_row<KW, SW, kInside, 0, 2>(sum, t, x, w);
      } else if (i < t.height) {
        add_row<KW, SW, kInside, 0, 1>(sum, t, x, w);
      } else if (i >= t.row_stride) {
        add_row<KW, SW, kInside, 1, 2>(sum, t, x, w);
      }
    }
  }
  finish(sum, t);
}

typedef void (*TileFunction)(const Tile&);

struct TileTable {
  int rows = 1, columns = 0;                // the largest tile
  TileFunction of[2][2][kAnyColumns] = {};  // [inside][rows - 1][columns - 1]
};

template <int KW, int SW, int NR, int NP>
constexpr void fill(TileTable& table) {
  table.of[0][NR - 1][NP - 1] = tile<KW, SW, false, NR, NP>;
  table.of[1][NR - 1][NP - 1] = tile<KW, SW, true, NR, NP>;
  if constexpr (NP > 1) fill<KW, SW, NR, NP - 1>(table);
}

template <int KW, int SW>
constexpr TileTable tiles() {
  TileTable table;
  if constexpr (KW == 0) {
    table.columns = kAnyColumns;
    fill<0, 0, 1, kAnyColumns>(table);
  } else {
    table.rows = 2;
    table.columns = kColumns;
    fill<KW, SW, 1, kColumns>(table);
    fill<KW, SW, 2, kColumns>(table);
  }
  return table;
}

static constexpr TileTable kTiles[3][2] = {
    {tiles<3, 1>(), tiles<3, 2>()}, {tiles<5, 1>(), tiles<5, 2>()}, {tiles<7, 1>(), tiles<7, 2>()}};
static constexpr TileTable kAnyTiles = tiles<0, 0>();

const TileTable& table_for(const ConvShape& s) {
  const int64_t width = s.kernel[2], stride = s.stride[2];
  const bool unrolled = (width == 3 || width == 5 || width == 7) && stride <= 2 &&
                        s.dilation[2] == 1 && s.dilation[1] == 1;
  return unrolled ? kTiles[width / 2 - 1][stride - 1] : kAnyTiles;
}

// Rows of all planes of a map are counted through. A task is a band of one map's rows, or some
// maps.
struct Split {
  int64_t maps, rows;      // altogether
  int64_t bands, maps_of;  // of a map; of a task
  int64_t tasks() const { return ceil_div(maps, maps_of) * bands; }
};

Split split_of(const ConvShape& s) {
  Split split;
  split.maps = s.batch * ceil_div(s.out_channels, kLanes);
  split.rows = s.out[0] * s.out[1];
  const int64_t sums = s.out_pixels() * s.taps();
  split.bands = most(1, least(split.rows / 2, sums / kTaskSums));
  split.maps_of = most(1, kTaskSums / sums);
  return split;
}

// Taps at places `first`, `first + dilation`, ... that are inside an axis of n pixels.
STRIATE_INLINE void taps_inside(int64_t first, int64_t dilation, int64_t taps, int64_t n,
                                int64_t* from, int64_t* to) {
  *from = first < 0 ? least(taps, ceil_div(-first, dilation)) : 0;
  *to = first < n ? least(taps, ceil_div(n - first, dilation)) : 0;
  if (*to < *from) *to = *from;
}

// One row, or two, of outputs.
void compute_rows(const ConvShape& s, Tile t, const float* map, const TileTable& table, int rows) {
  const int64_t tiles = ceil_div(s.out[2], table.columns);
  const int64_t reach = (s.kernel[2] - 1) * s.dilation[2] + 1;
  float* const y = t.y;
  const float* const residual = t.residual;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t first = cut(s.out[2], tiles, i), count = cut(s.out[2], tiles, i + 1) - first;
    const int64_t column = first * s.stride[2] - s.padding[2];
    const int64_t columns = (count - 1) * s.stride[2] + reach;
    const int64_t from = least(columns, most(0, -column));
    const int64_t to = most(from, least(columns, s.in[2] - column));
    t.x = map + column * kLanes;
    t.y = y + first * t.y_pixel;
    if (residual != nullptr) t.residual = residual + first * t.y_pixel;
    t.first_column = from * kLanes;
    t.stop_column = to * kLanes;
    t.columns = to < 32 ? (uint32_t{1} << to) - (uint32_t{1} << from) : 0;
    table.of[from == 0 && to == columns][rows - 1][count - 1](t);
  }
}

// Rows first .. stop-1 of one map; t holds what all tiles share.
void compute_band(const ConvShape& s, Tile t, const float* map, float* y, const float* residual,
                  int64_t first, int64_t stop) {
  const TileTable& table = table_for(s);
  const bool other = s.activation.kind != Activation::none && !t.clamp;
  int rows;
  for (int64_t at = first; at < stop; at += rows) {
    const int64_t place[2] = {at / s.out[1], at % s.out[1]};
    rows = table.rows == 2 && at + 1 < stop && place[1] + 1 < s.out[1] ? 2 : 1;
    const int64_t start[2] = {place[0] * s.stride[0] - s.padding[0],
                              place[1] * s.stride[1] - s.padding[1]};
    taps_inside(start[0], s.dilation[0], s.kernel[0], s.in[0], &t.first_plane, &t.stop_plane);
    taps_inside(start[1], s.dilation[1], s.kernel[1] + (rows - 1) * s.stride[1], s.in[1],
                &t.first_row, &t.stop_row);
    const int64_t y_place[2] = {s.out_start[0] + place[0] * s.out_step[0],
                                s.out_start[1] + place[1] * s.out_step[1]};
    const int64_t pixel =
        (y_place[0] * s.out_full[1] + y_place[1]) * s.out_full[2] + s.out_start[2];
    t.y = y + pixel * kLanes;
    t.residual = residual != nullptr ? residual + pixel * kLanes : nullptr;
    compute_rows(s, t, map + (start[0] * s.in[1] + start[1]) * s.in[2] * kLanes, table, rows);
    for (int r = 0; other && r < rows; ++r) {
      activate_vectors(s.activation, y + pixel * kLanes + r * t.y_row, s.out[2], t.y_pixel);
    }
  }
}

bool fits(const ConvShape& s) {
  return s.groups == s.in_channels && s.out_channels == s.in_channels && !s.plain_input;
}

Needs needs(const ConvShape& s, int) {
  Needs needs;
  needs.weight_floats = ceil_div(ceil_div(s.out_channels, kLanes) * s.taps() * kLanes, 16) * 16;
  needs.tasks[0] = split_of(s).tasks();
  return needs;
}

void pack(const ConvShape& s, const float* weight, float* packed) {
  const int64_t floats = needs(s, 1).weight_floats;
  for (int64_t i = 0; i < floats; ++i) {
    const int64_t channel = i / kLanes / s.taps() * kLanes + i % kLanes;
    const int64_t tap = i / kLanes % s.taps();
    packed[i] = channel < s.out_channels ? weight[channel * s.taps() + tap] : 0;
  }
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const Split split = split_of(s);
  const int64_t blocks = ceil_div(s.out_channels, kLanes);
  Tile t = {};
  t.plane = s.dilation[0] * s.in[1] * s.in[2] * kLanes;
  t.row = s.dilation[1] * s.in[2] * kLanes;
  t.pixel = s.dilation[2] * kLanes;
  t.column = s.stride[2] * kLanes;
  t.height = s.kernel[1];
  t.width = s.kernel[2];
  t.row_stride = s.stride[1];
  t.y_row = s.out_step[1] * s.out_full[2] * kLanes;
  t.y_pixel = s.out_step[2] * kLanes;
  t.clamp = s.activation.kind == Activation::clamp;
  t.low = s.activation.alpha;
  t.high = s.activation.beta;
  for (int64_t task = first; task < stop; ++task) {
    const int64_t band = task % split.bands, map = task / split.bands * split.maps_of;
    for (int64_t m = map; m < least(split.maps, map + split.maps_of); ++m) {
      const int64_t n = m / blocks, block = m % blocks;
      t.w = b.weight[0] + block * s.taps() * kLanes;
      t.bias = s.bias ? b.weight[1] + block * kLanes : nullptr;
      t.scale = s.scale ? b.in[2] + m * kLanes : nullptr;
      const int64_t y = block * s.full_pixels() * kLanes;
      compute_band(s, t, b.in[0] + n * s.x_batch_stride + block * s.in_pixels() * kLanes,
                   b.out[0] + n * s.y_batch_stride + y,
                   s.residual ? b.in[1] + n * s.residual_batch_stride + y : nullptr,
                   cut(split.rows, split.bands, band), cut(split.rows, split.bands, band + 1));
    }
  }
}

}  // namespace

extern const Kernel<ConvShape> conv_depthwise;
const Kernel<ConvShape> conv_depthwise = {"depthwise", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
