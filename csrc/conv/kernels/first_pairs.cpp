// Convolution by few filters, one vector of them, of a plain image or of one block of channels:
// LeNet's layers.
//
//   y[o][i][j] = f(bias[o] + sum over c, v, w of weight[o,c,v,w] * x[c][i*s + v][j*s + w])
//
// Two rows of outputs are computed at once: what they both read is loaded and broadcast once for
// two multiply-adds. With one row it would be a load for each, and loads bound it.
//
//   x row   0  1  2  3  4  5         filter 5x5, stride 1
//   y row 0 v0 v1 v2 v3 v4           each x is multiplied with w[v] for row 0
//   y row 1    v0 v1 v2 v3 v4        and with w[v - s] for row 1
//
// A tile is 2 rows by 6 pixels (AVX2): 12 sums + 2 weights + 1 input of 16 registers. LeNet's
// layer, 6 filters of 5x5 on 32x32, takes 3.9 us for 5.1 by one row at a time; 6 of 8 lanes are
// used, so that the multiply-adds alone are 3.0. Packed weights: | c0 v0 w0: L floats | w1 | ... |
// v1 ...
//
// Of a blocked map (`pairs`) an input is a float of a pixel's L. For filters of 5x5 and more, and
// at most half a block of channels: LeNet's second layer, 6 to 16 channels on 14x14, takes 3.6 us
// on 16 lanes for 4.6 by F(2x2, 5x5) and 6.0 by the direct product, whose tiles rows of 10 don't
// fill.
//
// A task is a band of rows (first_bands.hpp).
#include "conv/kernels/filters.hpp"
#include "conv/kernels/first_bands.hpp"

namespace striate::STRIATE_TARGET {
namespace {

// One row of taps: for one row of outputs, or for two with weights w and v. KW: the filter's width,
// SW: the stride; 0 for any. CELL: floats of a pixel.
template <int KW, int SW, int CELL, int ROWS, int NP>
STRIATE_INLINE void add_row(Vector (&sum)[2][NP], const FirstTile& t, const float* x,
                            const float* w, const float* v, int only) {
  const int64_t across = SW > 0 ? SW * CELL : t.across, width = KW > 0 ? KW : t.width;
  const auto add_tap = [&]() STRIATE_LAMBDA {
    // GCC would keep the inputs that the next tap reads again, and spill the sums for them.
    asm volatile("" ::: "memory");
    const Vector first = load(w), second = ROWS == 2 ? load(v) : first;
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) {
      const Vector input = broadcast(x[p * across]);
      if constexpr (ROWS == 2) {
        sum[0][p] += input * first;
        pin(sum[0][p]);
        sum[1][p] += input * second;
        pin(sum[1][p]);
      } else {
        sum[only][p] += input * first;
        pin(sum[only][p]);
      }
    }
    x += CELL;
    w += kLanes;
    v += kLanes;
  };
  if constexpr (KW > 0) {
    STRIATE_UNROLL
    for (int k = 0; k < KW; ++k) add_tap();
  } else {
    _Pragma("GCC unroll 1") for (int64_t k = 0; k < width; ++k) add_tap();
  }
}

// ROWS: of outputs; the second may be missing at the end of an odd map.
template <int KW, int SW, int CELL, int ROWS, int NP>
static void tile(const FirstTile& t) {
  Vector sum[2][NP];
  const Vector bias = t.bias != nullptr ? load(t.bias) : Vector{};
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) sum[0][p] = sum[1][p] = bias;
  const int64_t taps = (KW > 0 ? KW : t.width) * kLanes;  // floats of a row of them
  for (int64_t c = 0; c < t.channels; ++c) {
    const float *x = t.x + c * t.channel, *w = t.w + c * t.height * taps;
    if constexpr (ROWS == 1) {
      for (int64_t v = 0; v < t.height; ++v, x += t.row) {
        add_row<KW, SW, CELL, 1>(sum, t, x, w + v * taps, w, 0);
      }
      continue;
    }
    int64_t v = 0;
    for (; v < t.down; ++v, x += t.row) add_row<KW, SW, CELL, 1>(sum, t, x, w + v * taps, w, 0);
    for (; v < t.height; ++v, x += t.row) {
      add_row<KW, SW, CELL, 2>(sum, t, x, w + v * taps, w + (v - t.down) * taps, 0);
    }
    for (; v < t.height + t.down; ++v, x += t.row) {
      add_row<KW, SW, CELL, 1>(sum, t, x, w + (v - t.down) * taps, w, 1);
    }
  }
  if (ROWS == 2 && t.pool) {
    write_pooled(sum, t);
    return;
  }
  write_row(sum[0], t, t.y);
  if constexpr (ROWS == 2) write_row(sum[1], t, t.y + t.y_row);
}

typedef void (*TileFunction)(const FirstTile&);

struct TileTable {
  TileFunction of[2][kTilePixels] = {};
};

template <int KW, int SW, int CELL, int ROWS, int NP>
constexpr void fill(TileFunction* to) {
  to[NP - 1] = tile<KW, SW, CELL, ROWS, NP>;
  if constexpr (NP > 1) fill<KW, SW, CELL, ROWS, NP - 1>(to);
}

template <int KW, int SW, int CELL>
constexpr TileTable tiles() {
  TileTable table;
  fill<KW, SW, CELL, 1, kTilePixels>(table.of[0]);
  fill<KW, SW, CELL, 2, kTilePixels>(table.of[1]);
  return table;
}

static constexpr TileTable kAny = tiles<0, 0, 1>();
static constexpr TileTable kThree = tiles<3, 1, 1>(), kFive = tiles<5, 1, 1>();
static constexpr TileTable kBlocked = tiles<0, 0, kLanes>(), kBlockedFive = tiles<5, 1, kLanes>();

const TileTable& table_for(const ConvShape& s) {
  const int64_t width = s.stride[2] == 1 ? s.kernel[2] : 0;
  if (!s.plain_input) return width == 5 ? kBlockedFive : kBlocked;
  return width == 3 ? kThree : width == 5 ? kFive : kAny;
}

bool fits(const ConvShape& s) {
  return s.plain_input && bands_fit(s);
}

// Winograd's algorithm is quicker with more channels of larger maps.
bool fits_blocked(const ConvShape& s) {
  const bool five = s.kernel[1] == 5 && s.kernel[2] == 5 && s.stride[1] == 1 && s.stride[2] == 1;
  return !s.plain_input && s.in_channels <= kLanes / 2 && s.kernel[1] >= 5 && s.kernel[2] >= 5 &&
         (!five || s.in_channels * s.out_pixels() <= 2048) && bands_fit(s);
}

Needs needs(const ConvShape& s, int) {
  Needs needs;
  needs.weight_floats = ceil_div(s.in_channels * s.taps() * kLanes, 16) * 16;
  needs.thread_floats = hangs_over(s) ? ceil_div(band_floats(s), 16) * 16 : 0;
  needs.tasks[0] = s.batch * bands_of(s);
  return needs;
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  for (int64_t c = 0; c < s.in_channels; ++c) {
    Cells cells = {};
    cells.from = w.first + c * w.channel;
    cells.output = w.output;
    cells.to = packed + c * s.taps() * kLanes;
    cells.to_step = kLanes;
    cells.vectors = 1;
    cells.stop = s.out_channels;
    pack_taps(s, w, cells);
  }
  const int64_t floats = s.in_channels * s.taps() * kLanes;
  for (int64_t i = floats; i < needs(s, 1).weight_floats; ++i) packed[i] = 0;
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const TileTable& tiles = table_for(s);
  const auto table = [&](int64_t rows, int64_t pixels) { return tiles.of[rows - 1][pixels - 1]; };
  run_bands(s, b, table, first, stop);
}

}  // namespace

extern const Kernel<ConvShape> conv_first_pairs;
const Kernel<ConvShape> conv_first_pairs = {"first_pairs", fits, needs, pack, run};
extern const Kernel<ConvShape> conv_pairs;
const Kernel<ConvShape> conv_pairs = {"pairs", fits_blocked, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
