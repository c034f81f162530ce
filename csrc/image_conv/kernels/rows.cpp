// A row of a block of images a task, in tiles of a few pixels by a few output channels.
//
// A weight is broadcast, a vector of x is a pixel of L images: on AVX2 6 pixels by 2 channels, 12
// sums beside 2 weights and a pixel, take 8 loads for 12 multiply-adds. Taps that hang over the map
// cost nothing: rows are left out; columns at an edge are taken in pairs, by more channels, and
// where a tap of one pixel hangs over, the other is computed alone.
#include "image_conv/shape.hpp"
#include "kernels/activate.hpp"
#include "kernels/multiply_add.hpp"

namespace striate::STRIATE_TARGET {
namespace {

#if defined(__AVX512F__)
constexpr int kChannels = 4, kPixels = 6;  // 24 sums of 32 registers
#elif defined(__AVX2__)
constexpr int kChannels = 2, kPixels = 6;  // 12 of 16
#else
constexpr int kChannels = 2, kPixels = 2;
#endif
constexpr int kEdgePixels = 2, kEdgeChannels = kChannels * kPixels / kEdgePixels;

struct Range {
  int64_t first, stop;
};

// Of taps 0 .. kernel-1, those that find one of n numbers from place `from` on.
STRIATE_INLINE Range inside(int64_t from, int64_t kernel, int64_t n) {
  const int64_t first = most(0, -from);
  return {first, most(first, least(kernel, n - from))};
}

struct Tile {
  const float* x;  // what pixel 0 reads with tap (0, 0) of channel 0; perhaps outside the map
  float* y;
  const float *weight, *bias;  // of output channel 0; no bias: null
  int64_t from, width;         // column of x, and how many there are
  Range rows;                  // of taps
  int64_t in_channels, kernel;
  int64_t x_channel, x_row, y_channel;  // floats from one to the next
  int64_t w_out, w_in, w_row, w_tap;    // of weights
  Vector least_y, most_y;
};

// One tap: pixel 0 reads column `at` of x. At an edge the others may lie outside.
template <bool kEdge, int NO, int NP>
STRIATE_INLINE void add_tap(const Tile& t, const float* x, const float* w, int64_t at,
                            Vector (&sum)[NO][NP]) {
  Vector weight[NO];
  STRIATE_UNROLL
  for (int o = 0; o < NO; ++o) weight[o] = broadcast(w[o * t.w_out]);
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) {
    if (kEdge && (at + p < 0 || at + p >= t.width)) continue;
    const Vector pixel = load(x + p * kLanes);
    STRIATE_UNROLL
    for (int o = 0; o < NO; ++o) multiply_add(sum[o][p], pixel, weight[o]);
  }
}

// Taps `range` of a row: K of them, if K is not 0.
template <bool kEdge, int K, int NO, int NP>
STRIATE_INLINE void add_taps(const Tile& t, const float* x, const float* w, Range range,
                             Vector (&sum)[NO][NP]) {
  const int64_t step = t.w_tap;
  if constexpr (K > 0) {
    STRIATE_UNROLL
    for (int v = 0; v < K; ++v, w += step) {
      asm volatile("" : "+r"(w)::"memory");  // GCC would load the next pixels early, and spill
      add_tap<kEdge>(t, x + v * kLanes, w, 0, sum);
    }
    return;
  }
  x += range.first * kLanes;
  w += range.first * step;
  for (int64_t v = range.first; v < range.stop; ++v, x += kLanes, w += step) {
    asm volatile("" ::: "memory");
    add_tap<kEdge>(t, x, w, t.from + v, sum);
  }
}

// K: taps of a row, each of which every pixel of the tile has; 0 where that is not known.
template <int NO, int NP, int K>
static void tile(const Tile& given) {
  const Tile t = given;  // so that GCC need not read it again behind each tap
  Vector sum[NO][NP];
  STRIATE_UNROLL
  for (int o = 0; o < NO; ++o) {
    const Vector b = t.bias ? broadcast(t.bias[o]) : Vector{};
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[o][p] = b;
  }
  // Taps with which every pixel of the tile reads one of the map, and those with which some do.
  Range whole = inside(t.from, t.kernel, t.width - NP + 1);
  const Range some = inside(t.from + NP - 1, t.kernel, t.width + NP - 1);
  if (whole.first >= whole.stop) whole = {some.stop, some.stop};
  for (int64_t c = 0; c < t.in_channels; ++c) {
    for (int64_t u = t.rows.first; u < t.rows.stop; ++u) {
      const float* x = t.x + c * t.x_channel + u * t.x_row;
      const float* w = t.weight + c * t.w_in + u * t.w_row;
      if constexpr (NP <= kEdgePixels && K == 0) {
        add_taps<true, K>(t, x, w, {some.first, whole.first}, sum);
      }
      add_taps<false, K>(t, x, w, whole, sum);
      if constexpr (NP <= kEdgePixels && K == 0) {
        add_taps<true, K>(t, x, w, {whole.stop, some.stop}, sum);
      }
    }
  }
  STRIATE_UNROLL
  for (int o = 0; o < NO; ++o) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) {
      store(t.y + o * t.y_channel + p * kLanes, min(t.most_y, max(t.least_y, sum[o][p])));
    }
  }
}

typedef void (*TileFunction)(const Tile&);

struct TileTable {
  TileFunction of[kEdgeChannels][kPixels] = {};  // [channels - 1][pixels - 1]
};

template <int NO, int NP, int K>
constexpr void fill_tiles(TileTable& table) {
  table.of[NO - 1][NP - 1] = tile<NO, NP, K>;
  if constexpr (NP > 1) {
    fill_tiles<NO, NP - 1, K>(table);
  } else if constexpr (NO > 1) {
    fill_tiles<NO - 1, (NO - 1 > kChannels ? kEdgePixels : kPixels), K>(table);
  }
}

template <int NO, int NP, int K>
constexpr TileTable tiles() {
  TileTable table;
  fill_tiles<NO, NP, K>(table);
  return table;
}

constexpr TileTable kAnyTaps = tiles<kEdgeChannels, kEdgePixels, 0>();
constexpr TileTable k3Taps = tiles<kChannels, kPixels, 3>();
constexpr TileTable k5Taps = tiles<kChannels, kPixels, 5>();

bool fits(const ImageConvShape&) {
  return true;
}

Needs needs(const ImageConvShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(s.batch, kLanes) * s.out[0];
  return needs;
}

// What all tiles share. Functions other than a clamp are applied row by row.
Tile shared(const ImageConvShape& s) {
  const bool clamps = s.activation.kind == Activation::clamp;
  const int64_t blocks = ceil_div(s.batch, kLanes), taps = s.taps();
  Tile t = {};
  t.width = s.in[1];
  t.in_channels = s.in_channels;
  t.kernel = s.kernel[1];
  t.x_row = s.in[1] * kLanes;
  t.x_channel = blocks * s.in_pixels() * kLanes;
  t.y_channel = blocks * s.out_pixels() * kLanes;
  t.w_out = s.turned ? taps : s.in_channels * taps;
  t.w_in = s.turned ? s.out_channels * taps : taps;
  t.w_row = s.turned ? -s.kernel[1] : s.kernel[1];
  t.w_tap = s.turned ? -1 : 1;
  t.least_y = broadcast(clamps ? s.activation.alpha : -__builtin_inff());
  t.most_y = broadcast(clamps ? s.activation.beta : __builtin_inff());
  return t;
}

// Columns first .. stop - 1 of a row, in tiles of up to `pixels` by `channels`. `t.x` and `t.y` are
// those of column 0.
void compute_columns(const ImageConvShape& s, Tile t, const TileTable& table, Range columns,
                     int pixels, int channels) {
  const int64_t count = columns.stop - columns.first, tiles = ceil_div(count, pixels);
  const Tile row = t;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t column = columns.first + cut(count, tiles, i);
    const int64_t wide = columns.first + cut(count, tiles, i + 1) - column;
    t.from = row.from + column;
    t.x = row.x + column * kLanes;
    for (int64_t o = 0; o < s.out_channels; o += channels) {
      t.y = row.y + o * t.y_channel + column * kLanes;
      t.weight = row.weight + o * t.w_out;
      t.bias = s.bias ? row.bias + o : nullptr;
      table.of[least(channels, s.out_channels - o) - 1][wide - 1](t);
    }
  }
}

void compute_row(const ImageConvShape& s, const Buffers& b, Tile t, int64_t block, int64_t row) {
  const int64_t top = row - s.padding[0];
  t.from = -s.padding[1];
  t.x = b.in[0] + (block * s.in[0] + top) * t.x_row + t.from * kLanes;
  t.y = b.out[0] + (block * s.out[0] + row) * s.out[1] * kLanes;
  t.weight = b.in[1] + (s.turned ? s.taps() - 1 : 0);
  t.bias = b.in[2];
  t.rows = inside(top, s.kernel[0], s.in[0]);
  // Columns all of whose taps are inside of the map.
  const int64_t first = least(s.out[1], most(0, -t.from));
  const int64_t stop = most(first, least(s.out[1], s.in[1] - s.kernel[1] + 1 - t.from));
  const TileTable& table = s.kernel[1] == 3 ? k3Taps : s.kernel[1] == 5 ? k5Taps : kAnyTaps;
  compute_columns(s, t, kAnyTaps, {0, first}, kEdgePixels, kEdgeChannels);
  compute_columns(s, t, table, {first, stop}, kPixels, kChannels);
  compute_columns(s, t, kAnyTaps, {stop, s.out[1]}, kEdgePixels, kEdgeChannels);
  if (s.activation.kind == Activation::none || s.activation.kind == Activation::clamp) return;
  for (int64_t o = 0; o < s.out_channels; ++o) {
    float* const line = t.y + o * t.y_channel;
    activate(s.activation, line, line, s.out[1] * kLanes);
  }
}

void run(const ImageConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const Tile t = shared(s);
  for (int64_t task = first; task < stop; ++task) {
    compute_row(s, b, t, task / s.out[0], task % s.out[0]);
  }
}

}  // namespace

extern const Kernel<ImageConvShape> image_conv_rows_of_pixels;
const Kernel<ImageConvShape> image_conv_rows_of_pixels = {"rows", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
