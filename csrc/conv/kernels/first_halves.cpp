// Convolution of a plain image by so few filters that two rows of outputs share a vector.
//
// first_pairs.cpp computes two rows at once, in two vectors of which few filters use a part. Here
// the halves of one vector are the two rows, and those of a weight what an input gives to each:
//
//   x row v     lanes 0 .. L/2 - 1     lanes L/2 .. L - 1      s: the stride
//   sum         y row 0                y row 1
//   weight      filters' row v         filters' row v - s      0 where there is none
//
// LeNet's first layer, 6 filters of 5x5 on 32x32, takes 0.6 of the multiply-adds on 16 lanes. A
// tile is a pair of rows by some pixels. Along a row of taps an input is broadcast once for all of
// them, with their weights in registers. Packed: | c0 row 0 tap 0: L floats | tap 1 | ... | row 1
// .. |
#include "conv/kernels/first_bands.hpp"
#include "kernels/multiply_add.hpp"
#include "kernels/transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int kHalf = kLanes / 2;

STRIATE_INLINE Vector twice(Vector v) {
  IntVector from;
  STRIATE_UNROLL
  for (int i = 0; i < kLanes; ++i) from[i] = i % kHalf;
  return __builtin_shuffle(v, from);
}

// One row of taps. KW: the filter's width, at stride 1; 0 for any.
template <int KW, int NP>
STRIATE_INLINE void add_taps(Vector (&sum)[NP], const FirstTile& t, const float* x,
                             const float* w) {
  if constexpr (KW > 0) {
    Vector weight[KW];
    STRIATE_UNROLL
    for (int k = 0; k < KW; ++k) weight[k] = load(w + k * kLanes);
    STRIATE_UNROLL
    for (int i = 0; i < NP + KW - 1; ++i) {
      const Vector input = broadcast(x[i]);
      STRIATE_UNROLL
      for (int k = 0; k < KW; ++k) {
        if (i - k >= 0 && i - k < NP) multiply_add(sum[i - k], input, weight[k]);
      }
    }
  } else {
    for (int64_t k = 0; k < t.width; ++k, ++x, w += kLanes) {
      const Vector weight = load(w);
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) multiply_add(sum[p], broadcast(x[p * t.across]), weight);
    }
  }
}

template <int NP, bool kUpper>
STRIATE_INLINE void write_half(const Vector (&sum)[NP], float* y) {
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) store(y + p * kLanes, half_of<kUpper>(sum[p]));
}

// The largest of both rows and each two pixels.
template <int NP>
STRIATE_INLINE void write_pooled(const Vector (&sum)[NP], const FirstTile& t) {
  STRIATE_UNROLL
  for (int p = 0; p + 1 < NP; p += 2) {
    const Vector both = largest(sum[p], sum[p + 1]);
    const Vector most = half_of<false>(largest(both, half_of<true>(both)));
    store(t.y + p / 2 * kLanes, t.clamp ? between(t.low, most, t.high) : most);
  }
}

// ROWS: of outputs; the second may be missing at the end of an odd map.
template <int KW, int ROWS, int NP>
void tile(const FirstTile& t) {
  Vector sum[NP];
  const Vector bias = t.bias != nullptr ? twice(load(t.bias)) : Vector{};
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) sum[p] = bias;
  const int64_t taps = (KW > 0 ? KW : t.width) * kLanes;  // floats of a row of them
  const int64_t all = t.height + t.down, rows = ROWS == 2 ? all : t.height;
  for (int64_t c = 0; c < t.channels; ++c) {
    const float *x = t.x + c * t.channel, *w = t.w + c * all * taps;
    _Pragma("GCC unroll 1") for (int64_t v = 0; v < rows; ++v, x += t.row, w += taps) {
      add_taps<KW>(sum, t, x, w);
    }
  }
  if (ROWS == 2 && t.pool) {
    write_pooled(sum, t);
    return;
  }
  if (t.clamp) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[p] = between(t.low, sum[p], t.high);
  }
  write_half<NP, false>(sum, t.y);
  if constexpr (ROWS == 2) write_half<NP, true>(sum, t.y + t.y_row);
}

typedef void (*TileFunction)(const FirstTile&);

struct TileTable {
  TileFunction of[2][kTilePixels] = {};
};

template <int KW, int ROWS, int NP>
constexpr void fill(TileFunction* to) {
  to[NP - 1] = tile<KW, ROWS, NP>;
  if constexpr (NP > 1) fill<KW, ROWS, NP - 1>(to);
}

template <int KW>
constexpr TileTable tiles() {
  TileTable table;
  fill<KW, 1, kTilePixels>(table.of[0]);
  fill<KW, 2, kTilePixels>(table.of[1]);
  return table;
}

static constexpr TileTable kAny = tiles<0>(), kThree = tiles<3>(), kFive = tiles<5>();

bool fits(const ConvShape& s) {
  return s.plain_input && bands_fit(s) && s.out_channels <= kHalf;
}

Needs needs(const ConvShape& s, int) {
  Needs needs;
  const int64_t rows = s.kernel[1] + s.stride[1];
  needs.weight_floats = ceil_div(s.in_channels * rows * s.kernel[2] * kLanes, 16) * 16;
  needs.thread_floats = hangs_over(s) ? ceil_div(band_floats(s), 16) * 16 : 0;
  needs.tasks[0] = s.batch * bands_of(s);
  return needs;
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  const int64_t height = s.kernel[1], width = s.kernel[2], down = s.stride[1];
  const int64_t floats = needs(s, 1).weight_floats;
  for (int64_t i = 0; i < floats; ++i) packed[i] = 0;
  for (int64_t c = 0; c < s.in_channels; ++c) {
    for (int64_t row = 0; row < height; ++row) {
      for (int64_t k = 0; k < width; ++k) {
        const float* from = w.first + c * w.channel + row * w.tap[1] + k * w.tap[2];
        float* first = packed + ((c * (height + down) + row) * width + k) * kLanes;
        float* second = first + down * width * kLanes + kHalf;
        for (int64_t o = 0; o < s.out_channels; ++o) first[o] = second[o] = from[o * w.output];
      }
    }
  }
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t width = s.stride[2] == 1 ? s.kernel[2] : 0;
  const TileTable& tiles = width == 3 ? kThree : width == 5 ? kFive : kAny;
  const auto table = [&](int64_t rows, int64_t pixels) { return tiles.of[rows - 1][pixels - 1]; };
  run_bands(s, b, table, first, stop);
}

}  // namespace

extern const Kernel<ConvShape> conv_first_halves;
const Kernel<ConvShape> conv_first_halves = {"first_halves", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
