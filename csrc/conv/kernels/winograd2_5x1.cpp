// Winograd's algorithm F(2, 5) along the columns alone, for 5x5 filters of one block of channels to
// one vector: LeNet's second layer.
//
//   V[xi] = sum over rows v of B'[xi][v] * x row v       6 rows make 6, for two rows of outputs
//   M[xi][j][o] = sum over w, c of V[xi][j + w][c] * U[xi][w][c][o]
//   y row i = sum over xi of A'[i][xi] * M[xi]
//
// That is 6 products where there are 10 (`pairs`, in first_pairs.cpp). In the plane there would be
// 36 for 100 (winograd2_5x5.cpp), but of so few channels transforms then take as long as products.
// A row of V is made cell by cell; a tile is a pair of rows by some pixels, whose sums, M and both
// rows, stay in registers.
//
// Packed: | xi 0: tap 0: c0: L floats | c1 | .. | tap 1 | .. | xi 1 .. |
#include "conv/kernels/filters.hpp"
#include "conv/kernels/first_bands.hpp"
#include "conv/kernels/winograd_lines.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int kTaps = 5, kProducts = kTaps + 1;
constexpr int kPixels = kTilePixels >= 10 ? 10 : 4;  // three sums each, and a weight
constexpr int64_t kLeastChannels = 4;  // of fewer, transforms take as long as products
constexpr int64_t kMostSums = 2048;    // of a tap: larger maps are quicker in the plane

// A': what each product is times in the outputs of either row.
struct OutputRows {
  float of[2][kProducts] = {};
  constexpr OutputRows() {
    constexpr OutputWeights<2, kProducts> weights;
    of[0][0] = 1;
    for (int k = 0; k < weights.kPairs; ++k) {
      of[0][2 * k + 1] = of[0][2 * k + 2] = weights.of[0][k];
      of[1][2 * k + 1] = weights.of[1][k];
      of[1][2 * k + 2] = -weights.of[1][k];
    }
    of[1][kProducts - 1] = 1;
  }
};

static constexpr OutputRows kOutputs;

// M[xi], from the rows of V at x and the weights at w.
template <int NP>
STRIATE_INLINE void multiply(const FirstTile& t, const float* x, const float*& w, Vector (&m)[NP]) {
  for (int64_t k = 0; k < t.width; ++k, x += kLanes) {
    _Pragma("GCC unroll 1") for (int64_t c = 0; c < t.channels; ++c, w += kLanes) {
      const Vector weight = load(w);
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) {
        m[p] += broadcast(x[p * kLanes + c]) * weight;
        pin(m[p]);
      }
    }
  }
}

template <int NP>
void tile(const FirstTile& t) {
  Vector sum[2][NP];
  const Vector bias = t.bias != nullptr ? load(t.bias) : Vector{};
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) sum[0][p] = sum[1][p] = bias;
  const float* w = t.w;
  _Pragma("GCC unroll 1") for (int xi = 0; xi < kProducts; ++xi) {
    Vector m[NP] = {};
    multiply(t, t.x + xi * t.row, w, m);
    STRIATE_UNROLL
    for (int i = 0; i < 2; ++i) {
      const Vector by = broadcast(kOutputs.of[i][xi]);
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[i][p] += by * m[p];
    }
  }
  if (t.pool) {
    write_pooled(sum, t);
    return;
  }
  write_row(sum[0], t, t.y);
  write_row(sum[1], t, t.y + t.y_row);
}

typedef void (*TileFunction)(const FirstTile&);

struct TileTable {
  TileFunction of[kPixels] = {};
};

template <int NP>
constexpr void fill(TileTable& table) {
  table.of[NP - 1] = tile<NP>;
  if constexpr (NP > 1) fill<NP - 1>(table);
}

constexpr TileTable tiles() {
  TileTable table;
  fill<kPixels>(table);
  return table;
}

static constexpr TileTable kTiles = tiles();

bool fits(const ConvShape& s) {
  return !s.plain_input && s.kernel[1] == kTaps && s.kernel[2] == kTaps && s.stride[1] == 1 &&
         s.stride[2] == 1 && s.in_channels >= kLeastChannels && s.in_channels <= kLanes / 2 &&
         s.in_channels * s.out_pixels() <= kMostSums && (s.pool || s.out[1] % 2 == 0) &&
         bands_fit(s);
}

int64_t copied_floats(const ConvShape& s) {
  return hangs_over(s) ? ceil_div(band_floats(s), 16) * 16 : 0;
}

Needs needs(const ConvShape& s, int) {
  Needs needs;
  const int64_t cells = kProducts * columns_read(s);
  needs.weight_floats = ceil_div(kProducts * kTaps * s.in_channels * kLanes, 16) * 16;
  needs.thread_floats = copied_floats(s) + ceil_div(cells * kLanes, 16) * 16;
  needs.tasks[0] = s.batch * bands_of(s);
  return needs;
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  for (int64_t i = 0; i < needs(s, 1).weight_floats; ++i) packed[i] = 0;
  for (int64_t c = 0; c < s.in_channels; ++c) {
    for (int64_t k = 0; k < kTaps; ++k) {
      for (int64_t o = 0; o < s.out_channels; ++o) {
        const float* from = w.first + o * w.output + c * w.channel;
        Doubles column[kTaps] = {}, u[kProducts];
        for (int v = 0; v < kTaps; ++v) column[v][0] = from[tap_place(s, w, v * kTaps + k)];
        weight_line(column, u);
        for (int xi = 0; xi < kProducts; ++xi) {
          packed[((xi * kTaps + k) * s.in_channels + c) * kLanes + o] =
              static_cast<float>(u[xi][0]);
        }
      }
    }
  }
}

// V of six rows of `cells` cells.
void transform_rows(const float* x, int64_t row, int64_t cells, float* v) {
  for (int64_t j = 0; j < cells; ++j) {
    Vector d[kProducts], made[kProducts];
    STRIATE_UNROLL
    for (int i = 0; i < kProducts; ++i) d[i] = load(x + i * row + j * kLanes);
    input_line(d, made);
    STRIATE_UNROLL
    for (int i = 0; i < kProducts; ++i) store(v + (i * cells + j) * kLanes, made[i]);
  }
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t columns = columns_read(s), pixels = s.pool ? s.out[2] / 2 * 2 : s.out[2];
  float* const v = b.scratch + copied_floats(s);
  each_band(s, first, stop, [&](int64_t n, int64_t from, int64_t to) STRIATE_LAMBDA {
    Band band = begin_band(s, b, n, from, to);
    FirstTile& t = band.t;
    const int64_t row = t.row;
    t.row = columns * kLanes;
    for (int64_t i = 0; i + 1 < band.rows; i += 2) {
      transform_rows(band.x + i * row, row, columns, v);
      for (int64_t j = 0; j < pixels;) {
        const int64_t count = least(kPixels, pixels - j);
        t.x = v + j * kLanes;
        t.y = band.y + (i >> s.pool) * t.y_row + (j >> s.pool) * kLanes;
        kTiles.of[count - 1](t);
        j += count;
      }
    }
    end_band(s, band);
  });
}

}  // namespace

extern const Kernel<ConvShape> conv_winograd2_5x1;
const Kernel<ConvShape> conv_winograd2_5x1 = {"winograd2_5x1", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
