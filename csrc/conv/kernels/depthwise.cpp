// Depthwise convolution: every channel has a filter of its own, so that channels are lanes;
//
//   y[n,b,i,j] = f(bias[b] + sum over taps of w[b][tap] * x[n, b, i*s - p + u*d, ...])
//
// or groups of G = 4 channels that make as many: a vector holds L / 4 groups, and its channel j of
// each group is spread over the group's lanes, a shuffle, in place of one input's broadcast:
//
//   x      | a0 a1 a2 a3 | b0 b1 b2 b3 |      channels of the groups a and b
//   j = 1  | a1 a1 a1 a1 | b1 b1 b1 b1 |      times the weights from there to the group's outputs
//
// That is twice as quick as the dense product, half of whose weights would be 0.
//
// Each cell is a vector of L channels of block b; along up to three axes, any stride, dilation and
// padding. Packed weights:
//
//   w  block b: | tap 0: j = 0: L floats | .. | j = G - 1 | tap 1 | ... |
//
// taps in the order depth, height, width; G = 1 where each channel is its own.
//
// A tile is up to kColumns outputs of a row, kept in registers: a tap takes one load of its weight,
// and a load of x for each multiply-add, which is what the ports give (two of each a cycle on x86).
// Two rows that share loads of x are no quicker, and leave 7 and 14 wide maps with odd tiles.
//
// Outside the map x is 0: rows there are left out of the loop. A row is cut into the outputs that
// hang over its left end, those inside, and those that hang over its right end. Filters of 3, 5 and
// 7 columns at strides 1 and 2 are unrolled; with "same" padding also where they hang over: which
// taps are left out is known from the place in the tile, so that edges cost less than the middle.
// All else is a loop over the taps of a row.
//
// What costs is all that is not a multiply-add: a 3x3 tile takes some 70 cycles, four divisions
// as many: they are made once a task. Each task is a band of rows of one map, or several small
// maps. Of a plain map it brings the rows that it reads into blocks, in L2.
#include "conv/kernels/filters.hpp"
#include "conv/kernels/groups.hpp"
#include "kernels/activate.hpp"
#include "kernels/math.hpp"
#include "kernels/reorder.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTaskSums = 8192;        // multiply-adds of vectors of a task: 2 to 10 us
constexpr int64_t kBroughtFloats = 65536;  // that a task brings in of a plain map: 256 KiB
constexpr int64_t kLeastWindows = 8;       // that rows of such a band are as high as
// 14 sums + 1 weight + 1 input of 16 registers; ImageNet's maps are 7, 14, 28, ... wide.
// With half as many columns no filter hangs over two tiles at an end.
constexpr int kColumns = kTilePixels >= 6 ? 14 : 6;
static_assert(kColumns / 2 >= 7 / 2);

struct Tile {
  const float* x;             // first tap inside the map, of the first output
  int64_t planes, rows;       // taps inside the map
  int64_t plane, row, pixel;  // floats of x from tap to tap
  int64_t column;             // floats of x from output to output
  const float* w;             // the weights of the tap at x
  int64_t w_plane, width;     // floats from plane to plane; taps of a row
  int64_t first, stop;        // floats behind x that lie inside the row
  float* y;
  int64_t y_pixel;
  const float *bias, *scale, *residual;
  bool clamp;
  float low, high;
};

// Ends of the row that a tile hangs over, with padding (KW - 1) / 2 and dilation 1.
constexpr int kLeft = 1, kRight = 2;

// Whether tap k of output p is outside. The last output of a row stands on its last column where
// the stride is 1, on the last but one where it is 2 (and the row even).
template <int KW, int SW, int kEnds, int NP>
constexpr bool outside(int p, int k) {
  const int left = p * SW + k - KW / 2, right = left - (NP - 1) * SW - (SW - 1);
  return ((kEnds & kLeft) && left < 0) || ((kEnds & kRight) && right > 0);
}

// One tap's channel J of a group, and those behind it.
template <int G, int KW, int SW, int kEnds, int NP, int J = 0>
STRIATE_INLINE void add_tap(Vector (&sum)[NP], int k, const float* x, const float* w) {
  Vector weight = load(w);
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) {
    if (outside<KW, SW, kEnds, NP>(p, k)) continue;
    sum[p] += spread<G, J>(load(x + p * SW * kLanes)) * weight;
    pin(sum[p]);  // else GCC loads for several taps at once, and spills
  }
  pin(weight);  // else GCC puts the last sum where it was, and moves or spills others
  if constexpr (J + 1 < G) add_tap<G, KW, SW, kEnds, NP, J + 1>(sum, k, x, w + kLanes);
}

// The same of outputs whose tap, k floats from theirs, lies inside the row.
template <int G, int NP, int J = 0>
STRIATE_INLINE void add_any(Vector (&sum)[NP], const Tile& t, const float* x, int64_t k,
                            const float* w) {
  const Vector weight = load(w);
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) {
    const int64_t at = k + p * t.column;
    if (at >= t.first && at < t.stop) sum[p] += spread<G, J>(load(x + at)) * weight;
  }
  if constexpr (J + 1 < G) add_any<G, NP, J + 1>(sum, t, x, k, w + kLanes);
}

template <int G, int KW, int SW, int kEnds, int NP>
STRIATE_INLINE void add_row(Vector (&sum)[NP], const Tile& t, const float* x, const float* w) {
  if constexpr (KW > 0) {
    STRIATE_UNROLL
    for (int k = 0; k < KW; ++k) {
      add_tap<G, KW, SW, kEnds>(sum, k, x, w + k * G * kLanes);
      x += t.pixel;
    }
  } else {
    const int64_t stop = t.width * t.pixel;
    for (int64_t k = 0; k < stop; k += t.pixel, w += G * kLanes) add_any<G>(sum, t, x, k, w);
  }
}

// KW and SW: taps and stride of a row, 0 for any.
template <int G, int KW, int SW, int kEnds, int NP>
static void tile(const Tile& t) {
  Vector sum[NP];
  const Vector bias = t.bias != nullptr ? load(t.bias) : Vector{};
  const Vector start = t.scale != nullptr ? Vector{} : bias;
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) sum[p] = start;
  for (int64_t plane = 0; plane < t.planes; ++plane) {
    const float *x = t.x + plane * t.plane, *w = t.w + plane * t.w_plane;
    for (int64_t i = 0; i < t.rows; ++i, x += t.row, w += t.width * G * kLanes) {
      add_row<G, KW, SW, kEnds>(sum, t, x, w);
    }
  }
  if (t.scale != nullptr) {
    const Vector scale = load(t.scale);
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[p] = sum[p] * scale + bias;
  }
  if (t.residual != nullptr) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[p] += load(t.residual + p * t.y_pixel);
  }
  if (t.clamp) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[p] = between(t.low, sum[p], t.high);
  }
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) store(t.y + p * t.y_pixel, sum[p]);
}

typedef void (*TileFunction)(const Tile&);

struct TileTable {
  TileFunction of[4][kColumns] = {};  // [ends][columns - 1]
};

template <int G, int KW, int SW, int NP>
constexpr void fill(TileTable& table) {
  table.of[0][NP - 1] = tile<G, KW, SW, 0, NP>;
  if constexpr (KW > 0) {
    table.of[kLeft][NP - 1] = tile<G, KW, SW, kLeft, NP>;
    table.of[kRight][NP - 1] = tile<G, KW, SW, kRight, NP>;
    table.of[kLeft | kRight][NP - 1] = tile<G, KW, SW, kLeft | kRight, NP>;
  }
  if constexpr (NP > 1) fill<G, KW, SW, NP - 1>(table);
}

template <int G, int KW, int SW>
constexpr TileTable tiles() {
  TileTable table;
  fill<G, KW, SW, kColumns>(table);
  return table;
}

static constexpr TileTable kTiles[3][2] = {{tiles<1, 3, 1>(), tiles<1, 3, 2>()},
                                           {tiles<1, 5, 1>(), tiles<1, 5, 2>()},
                                           {tiles<1, 7, 1>(), tiles<1, 7, 2>()}};
static constexpr TileTable kAnyTiles = tiles<1, 0, 0>();
static constexpr TileTable kGroupTiles[2] = {tiles<4, 3, 1>(), tiles<4, 3, 2>()};
static constexpr TileTable kAnyGroupTiles = tiles<4, 0, 0>();

int64_t group_of(const ConvShape& s) {
  return s.in_channels / s.groups;
}

// Tiles unrolled for the filter's width and stride, if there are any; else those for all.
const TileTable& table_for(const ConvShape& s, const TileTable& any) {
  const int64_t width = s.kernel[2], stride = s.stride[2];
  if (stride > 2) return any;
  if (group_of(s) > 1) return width == 3 ? kGroupTiles[stride - 1] : any;
  return width == 3 || width == 5 || width == 7 ? kTiles[width / 2 - 1][stride - 1] : any;
}

// How a row is cut: outputs first .. stop-1 lie inside; `ends` is whether the tiles can hang over
// its ends, so that all outputs can be taken together.
struct Columns {
  const TileTable *table, *any;
  int64_t first, stop;
  bool ends;
};

Columns columns_of(const ConvShape& s) {
  Columns c;
  c.any = group_of(s) > 1 ? &kAnyGroupTiles : &kAnyTiles;
  c.table = &table_for(s, *c.any);
  const int64_t width = s.kernel[2], reach = (width - 1) * s.dilation[2] + 1;
  const int64_t last = (s.out[2] - 1) * s.stride[2] - s.padding[2];  // first tap of the last output
  c.ends = c.table != c.any && s.dilation[2] == 1 && s.padding[2] == width / 2 &&
           last + width / 2 + s.stride[2] == s.in[2];
  const int64_t inside = s.in[2] + s.padding[2] - reach;  // where the last of them may begin
  c.first = least(s.out[2], s.padding[2] > 0 ? ceil_div(s.padding[2], s.stride[2]) : 0);
  c.stop = inside < 0 ? c.first : most(c.first, least(s.out[2], inside / s.stride[2] + 1));
  return c;
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
  const int64_t sums = s.out_pixels() * s.taps() * group_of(s);
  split.bands = most(1, least(split.rows / 2, sums / kTaskSums));
  split.maps_of = most(1, kTaskSums / sums);
  if (s.plain_input) {  // bands have rows in common, which each brings
    const int64_t reach = (s.kernel[1] - 1) * s.dilation[1] + 1;
    const int64_t few = ceil_div(s.in_pixels() * kLanes, kBroughtFloats);
    const int64_t many = s.in[1] / (kLeastWindows * reach);
    split.bands = most(1, least(split.rows, most(few, least(split.bands, many))));
  }
  return split;
}

// Rows of x that rows first .. stop - 1 of y read.
struct Rows {
  int64_t first, stop;
};

Rows rows_read(const ConvShape& s, int64_t first, int64_t stop) {
  const int64_t reach = (s.kernel[1] - 1) * s.dilation[1] + 1;
  const int64_t from = first * s.stride[1] - s.padding[1];
  const int64_t to = (stop - 1) * s.stride[1] - s.padding[1] + reach;
  Rows rows;
  rows.first = least(most(0, from), s.in[1]);
  rows.stop = most(rows.first, least(to, s.in[1]));
  return rows;
}

// A block's rows of a plain image become those of a blocked map; gives where row 0 would lie.
const float* bring(const ConvShape& s, const float* image, int64_t block, const Rows& rows,
                   float* to) {
  const int64_t width = s.in[2], first = block * kLanes;
  block_pixels(image + first * s.in_pixels() + rows.first * width,
               least(kLanes, s.in_channels - first), s.in_pixels(),
               (rows.stop - rows.first) * width, to);
  return to - rows.first * width * kLanes;
}

// Taps at places `first`, `first + dilation`, ... that are inside an axis of n pixels.
STRIATE_INLINE void taps_inside(int64_t first, int64_t dilation, int64_t taps, int64_t n,
                                int64_t* from, int64_t* count) {
  int64_t stop = taps;
  *from = first < 0 ? least(taps, ceil_div(-first, dilation)) : 0;
  if (first + (taps - 1) * dilation >= n) stop = first < n ? ceil_div(n - first, dilation) : 0;
  *count = most(0, stop - *from);
}

// Where a row lies: pixel 0 of x's row (of its first tap inside the map), of y and of the residual.
struct Row {
  const float* x;
  float* y;
  const float* residual;
};

// Outputs first .. stop-1 of a row by tiles of the table; `ends` of the row that they hang over.
// t is the caller's: a copy stalls on what was just written to it, 70 cycles a row.
STRIATE_INLINE void compute_columns(const ConvShape& s, Tile& t, const Row& row,
                                    const TileTable& table, int ends, int64_t first, int64_t stop) {
  if (first >= stop) return;
  for (int64_t at = first, tiles = ceil_div(stop - first, kColumns); tiles > 0; --tiles) {
    const int64_t left = stop - at, count = tiles == 1 ? left : ceil_div(left, tiles);
    const int64_t column = (at * s.stride[2] - s.padding[2]) * kLanes;
    t.x = row.x + column;
    t.first = -column;
    t.stop = t.first + s.in[2] * kLanes;
    t.y = row.y + at * t.y_pixel;
    t.residual = row.residual != nullptr ? row.residual + at * t.y_pixel : nullptr;
    const int here = (at == first ? kLeft : 0) | (tiles == 1 ? kRight : 0);
    table.of[here & ends][count - 1](t);
    at += count;
  }
}

// Rows first .. stop-1 of one map; t holds what all tiles share.
void compute_band(const ConvShape& s, const Columns& columns, Tile& t, const float* w,
                  const float* map, float* y, const float* residual, int64_t first, int64_t stop) {
  const bool other = s.activation.kind != Activation::none && !t.clamp;
  const bool whole = s.whole_output();
  int64_t plane = first > 0 ? first / s.out[1] : 0, row = first - plane * s.out[1];
  for (int64_t at = first; at < stop; ++at) {
    const int64_t in_plane = plane * s.stride[0] - s.padding[0];
    const int64_t in_row = row * s.stride[1] - s.padding[1];
    int64_t u, v;
    taps_inside(in_plane, s.dilation[0], s.kernel[0], s.in[0], &u, &t.planes);
    taps_inside(in_row, s.dilation[1], s.kernel[1], s.in[1], &v, &t.rows);
    t.w = w + (u * s.kernel[1] + v) * s.kernel[2] * group_of(s) * kLanes;
    const int64_t pixel = ((s.out_start[0] + plane * s.out_step[0]) * s.out_full[1] +
                           s.out_start[1] + row * s.out_step[1]) *
                              s.out_full[2] +
                          s.out_start[2];
    const Row place = {
        map + u * t.plane + v * t.row + (in_plane * s.in[1] + in_row) * s.in[2] * kLanes,
        y + pixel * kLanes, residual != nullptr ? residual + pixel * kLanes : nullptr};
    if (columns.ends) {
      compute_columns(s, t, place, *columns.table, kLeft | kRight, 0, s.out[2]);
    } else {
      compute_columns(s, t, place, *columns.any, 0, 0, columns.first);
      compute_columns(s, t, place, *columns.table, 0, columns.first, columns.stop);
      compute_columns(s, t, place, *columns.any, 0, columns.stop, s.out[2]);
    }
    if (other && !whole) activate_vectors(s.activation, place.y, s.out[2], t.y_pixel);
    if (++row == s.out[1]) {
      row = 0;
      ++plane;
    }
  }
  if (other && whole) {
    const int64_t width = s.out[2] * kLanes;
    activate(s.activation, y + first * width, y + first * width, (stop - first) * width);
  }
}

bool fits(const ConvShape& s) {
  const bool image = s.in[0] == 1 && s.out[0] == 1;
  return s.groups == s.in_channels && s.out_channels == s.in_channels &&
         (!s.plain_input || image) && !s.plain_weight && !s.pool;
}

bool fits_groups(const ConvShape& s) {
  return s.groups > 1 && s.in_channels == 4 * s.groups && s.out_channels == s.in_channels &&
         !s.plain_input && !s.plain_weight && !s.scale && !s.pool;
}

// Of a block's channels.
int64_t packed_floats(const ConvShape& s) {
  return s.taps() * group_of(s) * kLanes;
}

Needs needs(const ConvShape& s, int) {
  Needs needs;
  needs.weight_floats = ceil_div(ceil_div(s.out_channels, kLanes) * packed_floats(s), 16) * 16;
  const Split split = split_of(s);
  needs.tasks[0] = split.tasks();
  if (s.plain_input) {
    int64_t rows = 0;
    for (int64_t band = 0; band < split.bands; ++band) {
      const Rows read =
          rows_read(s, cut(split.rows, split.bands, band), cut(split.rows, split.bands, band + 1));
      rows = most(rows, read.stop - read.first);
    }
    needs.thread_floats = ceil_div(rows * s.in[2] * kLanes, 16) * 16;
  }
  return needs;
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  const int64_t floats = needs(s, 1).weight_floats, group = group_of(s), cells = s.taps() * group;
  for (int64_t i = 0; i < floats; i += kLanes) {
    const int64_t block = i / kLanes / cells, tap = i / kLanes % cells / group;
    const float* from = w.first + i / kLanes % group * w.channel + tap_place(s, w, tap);
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const int64_t o = block * kLanes + lane;
      const int64_t place = o / group * w.group + o % group * w.output;
      packed[i + lane] = o < s.out_channels ? from[place] : 0;
    }
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
  t.w_plane = s.kernel[1] * s.kernel[2] * group_of(s) * kLanes;
  t.width = s.kernel[2];
  t.y_pixel = s.out_step[2] * kLanes;
  t.clamp = s.activation.kind == Activation::clamp;
  t.low = s.activation.alpha;
  t.high = s.activation.beta;
  const Columns columns = columns_of(s);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t band = task % split.bands, map = task / split.bands * split.maps_of;
    const int64_t first_row = cut(split.rows, split.bands, band);
    const int64_t stop_row = cut(split.rows, split.bands, band + 1);
    int64_t n = map / blocks, block = map % blocks;
    const Rows rows = rows_read(s, first_row, stop_row);
    for (int64_t m = map; m < least(split.maps, map + split.maps_of); ++m) {
      t.bias = s.bias ? b.weight[1] + block * kLanes : nullptr;
      t.scale = s.scale ? b.in[2] + m * kLanes : nullptr;
      const int64_t y = block * s.full_pixels() * kLanes;
      const float* x = b.in[0] + n * s.x_batch_stride;
      x = s.plain_input ? bring(s, x, block, rows, b.scratch) : x + block * s.in_pixels() * kLanes;
      compute_band(s, columns, t, b.weight[0] + block * packed_floats(s), x,
                   b.out[0] + n * s.y_batch_stride + y,
                   s.residual ? b.in[1] + n * s.residual_batch_stride + y : nullptr, first_row,
                   stop_row);
      if (++block == blocks) {
        block = 0;
        ++n;
      }
    }
  }
}

}  // namespace

extern const Kernel<ConvShape> conv_depthwise;
const Kernel<ConvShape> conv_depthwise = {"depthwise", fits, needs, pack, run};
extern const Kernel<ConvShape> conv_groups_of_4;
const Kernel<ConvShape> conv_groups_of_4 = {"groups_of_4", fits_groups, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
