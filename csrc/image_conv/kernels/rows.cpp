// A row of two blocks of images a task, in tiles of a few pixels by a few output channels.
//
// A weight is broadcast, a vector of x is a pixel of L images: on AVX2 6 pixels by 2 channels, 12
// sums beside 2 weights and a pixel, take 8 loads for 12 multiply-adds. Taps that hang over the map
// cost nothing: rows are left out; near the left and the right edge, where every column has taps of
// its own, a tile is a pixel of both blocks by more channels.
#include "image_conv/kernels/rows.hpp"

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
constexpr int kBlocks = 2, kEdgeChannels = kChannels * kPixels / kBlocks;

struct Tile {
  const float* x;  // what pixel 0 reads with tap (0, 0) of channel 0; perhaps outside the map
  float* y;
  const float *weight, *bias;  // of output channel 0; no bias: null
  Range rows, columns;         // of taps
  int64_t in_channels;
  int64_t x_channel, x_row, x_block, y_channel, y_block;  // floats from one to the next
  int64_t w_out, w_in, w_row, w_tap;                      // of weights
  Vector least_y, most_y;
};

// One tap of NP pixels, `step` floats apart. Of weights and pixels the fewer are held.
template <int NO, int NP>
STRIATE_INLINE void add_tap(const Tile& t, const float* x, const float* w, int64_t step,
                            Vector (&sum)[NO][NP]) {
  if constexpr (NP < NO) {
    Vector pixel[NP];
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) pixel[p] = load(x + p * step);
    STRIATE_UNROLL
    for (int o = 0; o < NO; ++o) {
      const Vector weight = broadcast(w[o * t.w_out]);
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) multiply_add(sum[o][p], pixel[p], weight);
    }
  } else {
    Vector weight[NO];
    STRIATE_UNROLL
    for (int o = 0; o < NO; ++o) weight[o] = broadcast(w[o * t.w_out]);
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) {
      const Vector pixel = load(x + p * step);
      STRIATE_UNROLL
      for (int o = 0; o < NO; ++o) multiply_add(sum[o][p], pixel, weight[o]);
    }
  }
}

// NO channels by NP pixels: neighbours in a row, or with kAcross the same of as many blocks.
// K: taps of a row; 0 where that is not known.
template <int NO, int NP, int K, bool kAcross>
static void tile(const Tile& given) {
  const Tile t = given;  // so that GCC need not read it again behind each tap
  const int64_t x_step = kAcross ? t.x_block : kLanes, y_step = kAcross ? t.y_block : kLanes;
  Vector sum[NO][NP];
  STRIATE_UNROLL
  for (int o = 0; o < NO; ++o) {
    const Vector b = t.bias ? broadcast(t.bias[o]) : Vector{};
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[o][p] = b;
  }
  const int64_t first = K > 0 ? 0 : t.columns.first, stop = K > 0 ? K : t.columns.stop;
  for (int64_t c = 0; c < t.in_channels; ++c) {
    for (int64_t u = t.rows.first; u < t.rows.stop; ++u) {
      const float* x = t.x + c * t.x_channel + u * t.x_row;
      const float* w = t.weight + c * t.w_in + u * t.w_row + first * t.w_tap;
      STRIATE_UNROLL
      for (int64_t v = first; v < stop; ++v, w += t.w_tap) {
        asm volatile("" : "+r"(w)::"memory");  // GCC would load the next pixels early, and spill
        add_tap(t, x + v * kLanes, w, x_step, sum);
      }
    }
  }
  STRIATE_UNROLL
  for (int o = 0; o < NO; ++o) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) {
      store(t.y + o * t.y_channel + p * y_step, min(t.most_y, max(t.least_y, sum[o][p])));
    }
  }
}

typedef void (*TileFunction)(const Tile&);

struct TileTable {
  TileFunction of[kEdgeChannels][kPixels] = {};  // [channels - 1][pixels - 1]
};

template <int NO, int NP, int K, bool kAcross>
constexpr void fill_tiles(TileTable& table) {
  table.of[NO - 1][NP - 1] = tile<NO, NP, K, kAcross>;
  if constexpr (NP > 1) {
    fill_tiles<NO, NP - 1, K, kAcross>(table);
  } else if constexpr (NO > 1) {
    fill_tiles<NO - 1, (kAcross ? kBlocks : kPixels), K, kAcross>(table);
  }
}

template <int NO, int NP, int K, bool kAcross = false>
constexpr TileTable tiles() {
  TileTable table;
  fill_tiles<NO, NP, K, kAcross>(table);
  return table;
}

constexpr TileTable kEdge = tiles<kEdgeChannels, kBlocks, 0, true>();
constexpr TileTable kAnyTaps = tiles<kChannels, kPixels, 0>();
constexpr TileTable k3Taps = tiles<kChannels, kPixels, 3>();
constexpr TileTable k5Taps = tiles<kChannels, kPixels, 5>();

bool fits(const ImageConvShape& s) {
  return !s.pool;
}

Needs needs(const ImageConvShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(ceil_div(s.batch, kLanes), kBlocks) * s.out[0];
  return needs;
}

// What all tiles share. Functions other than a clamp are applied row by row.
Tile shared(const ImageConvShape& s) {
  const bool clamps = s.activation.kind == Activation::clamp;
  const WeightSteps step = weight_steps(s);
  Tile t = {};
  t.in_channels = s.in_channels;
  t.x_row = s.in[1] * kLanes;
  t.x_channel = s.in_pixels() * kLanes;
  t.x_block = s.in_channels * t.x_channel;
  t.y_channel = s.out_pixels() * kLanes;
  t.y_block = s.out_channels * t.y_channel;
  t.w_out = step.out;
  t.w_in = step.in;
  t.w_row = step.row;
  t.w_tap = step.tap;
  t.least_y = broadcast(clamps ? s.activation.alpha : -__builtin_inff());
  t.most_y = broadcast(clamps ? s.activation.beta : __builtin_inff());
  return t;
}

// Where a row of a block begins.
struct Row {
  const float *x, *weight, *bias;  // what its first output reads with tap (0, 0)
  float* y;
};

// Tiles of `wide` pixels at `column`, of all output channels.
void compute_column(const ImageConvShape& s, Tile& t, const TileTable& table, const Row& row,
                    int64_t column, int64_t wide, int channels) {
  t.x = row.x + column * kLanes;
  for (int64_t o = 0; o < s.out_channels; o += channels) {
    t.y = row.y + o * t.y_channel + column * kLanes;
    t.weight = row.weight + o * t.w_out;
    t.bias = s.bias ? row.bias + o : nullptr;
    table.of[least(channels, s.out_channels - o) - 1][wide - 1](t);
  }
}

// A row of so many blocks. Columns `inner` have all their taps inside of the map.
void compute_row(const ImageConvShape& s, Tile& t, Row row, Range inner, int64_t blocks) {
  for (int64_t j = 0; j < s.out[1]; ++j) {
    if (j == inner.first) j = inner.stop;
    if (j >= s.out[1]) break;
    t.columns = inside(j - s.padding[1], s.kernel[1], s.in[1]);
    compute_column(s, t, kEdge, row, j, blocks, kEdgeChannels);
  }
  const TileTable& table = s.kernel[1] == 3 ? k3Taps : s.kernel[1] == 5 ? k5Taps : kAnyTaps;
  const int64_t count = inner.stop - inner.first, tiles = ceil_div(count, kPixels);
  t.columns = {0, s.kernel[1]};
  for (int64_t block = 0; block < blocks; ++block, row.x += t.x_block, row.y += t.y_block) {
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t first = cut(count, tiles, i), stop = cut(count, tiles, i + 1);
      compute_column(s, t, table, row, inner.first + first, stop - first, kChannels);
    }
  }
}

void compute(const ImageConvShape& s, const Buffers& b, Tile& t, int64_t task) {
  const int64_t i = task % s.out[0], block = task / s.out[0] * kBlocks;
  const int64_t blocks = least(kBlocks, ceil_div(s.batch, kLanes) - block);
  const int64_t top = i - s.padding[0];
  const Row row = {b.in[0] + block * t.x_block + top * t.x_row - s.padding[1] * kLanes,
                   b.in[1] + weight_steps(s).first, b.in[2],
                   b.out[0] + block * t.y_block + i * s.out[1] * kLanes};
  t.rows = inside(top, s.kernel[0], s.in[0]);
  const int64_t first = least(s.out[1], most(0, s.padding[1]));
  const int64_t stop = most(first, least(s.out[1], s.in[1] - s.kernel[1] + 1 + s.padding[1]));
  compute_row(s, t, row, {first, stop}, blocks);
  if (s.activation.kind == Activation::none || s.activation.kind == Activation::clamp) return;
  for (int64_t o = 0; o < s.out_channels; ++o) {
    for (int64_t n = 0; n < blocks; ++n) {
      float* const line = row.y + o * t.y_channel + n * t.y_block;
      activate(s.activation, line, line, s.out[1] * kLanes);
    }
  }
}

void run(const ImageConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  Tile t = shared(s);
  for (int64_t task = first; task < stop; ++task) compute(s, b, t, task);
}

}  // namespace

extern const Kernel<ImageConvShape> image_conv_rows_of_pixels;
const Kernel<ImageConvShape> image_conv_rows_of_pixels = {"rows", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
