// Convolution of a plain image by few filters, with columns of outputs as lanes.
//
// Filters as lanes leave most of 16 idle where there are 6, even with two rows at once
// (first_halves.cpp). Here a vector is L columns of a row of outputs, and a weight is broadcast:
//
//   x row v, tap w     x[j + w]  for columns j = 0 .. L - 1: one load, L neighbours
//   y row i, filter o  y[o][j] += x[j + w] * weight[o][v][w]
//
// A tile is two rows by one or two vectors of columns by all filters, up to 24 sums: an input meets
// every filter of both rows, a weight both vectors. The last vector of a row may overlap the one
// before. In the end filters become lanes again: 8 filters by 8 columns are turned in registers, in
// both halves of a vector at once. LeNet's first layer, 6 filters of 5x5 on 32x32, takes 0.71 of
// the multiply-adds of first_halves.cpp.
//
// Packed: | c0 row 0 tap 0: 2, 4, 6 or 8 filters | tap 1 | .. | row 1 .. |
#include "conv/kernels/filters.hpp"
#include "conv/kernels/first_bands.hpp"
#include "kernels/multiply_add.hpp"
#include "kernels/transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int kMost = 8;    // filters
constexpr int kShared = 6;  // up to so many filters two vectors of columns share a weight

// Filters of the tiles, of which the last may be zeros.
int64_t tile_filters(const ConvShape& s) {
  return ceil_div(s.out_channels, 2) * 2;
}

struct ColumnsTile : FirstTile {
  int64_t second;  // columns from the first vector to the second
};

// One row of taps, for the first row of outputs with weights w, for the second with v.
template <int KW, bool kFirst, bool kSecond, int F, int NV>
STRIATE_INLINE void add_taps(Vector (&sum)[2][F][NV], const ColumnsTile& t, const float* x,
                             const float* w, const float* v) {
  const int64_t second_at = t.second;
  const auto add_tap = [&](int64_t k) STRIATE_LAMBDA {
    asm volatile("" ::: "memory");  // GCC would keep weights for the next row, and spill sums
    Vector input[NV];
    STRIATE_UNROLL
    for (int i = 0; i < NV; ++i) input[i] = load_unaligned(x + k + i * second_at);
    STRIATE_UNROLL
    for (int f = 0; f < F; ++f) {
      const Vector first = broadcast(kFirst ? w[k * F + f] : v[k * F + f]);
      STRIATE_UNROLL
      for (int i = 0; i < NV; ++i) multiply_add(sum[kFirst ? 0 : 1][f][i], input[i], first);
      if constexpr (kFirst && kSecond) {
        const Vector second = broadcast(v[k * F + f]);
        STRIATE_UNROLL
        for (int i = 0; i < NV; ++i) multiply_add(sum[1][f][i], input[i], second);
      }
    }
  };
  if constexpr (KW > 0) {
    STRIATE_UNROLL
    for (int k = 0; k < KW; ++k) add_tap(k);
  } else {
    _Pragma("GCC unroll 1") for (int64_t k = 0; k < t.width; ++k) add_tap(k);
  }
}

// Filters of 16 columns become lanes: column p's in the lower half of turned[p], column p + 8's in
// the upper one.
template <int F>
STRIATE_INLINE void turn(const Vector (&y)[F], const FirstTile& t, Vector (&turned)[kMost]) {
  STRIATE_UNROLL
  for (int f = 0; f < kMost; ++f) {
    turned[f] = f >= F ? Vector{} : t.clamp ? between(t.low, y[f < F ? f : 0], t.high) : y[f];
  }
  transpose(turned);
}

// Eight pixels.
template <bool kUpper>
STRIATE_INLINE void write_half(const Vector (&turned)[kMost], float* y) {
  STRIATE_UNROLL
  for (int p = 0; p < kMost; ++p) store(y + p * kLanes, half_of<kUpper>(turned[p]));
}

// The larger of each two neighbours: of a's eight pairs, and of b's.
STRIATE_INLINE Vector pooled(Vector a, Vector b) {
  Vector both[2] = {a, b};
  deal(both);
  return largest(both[0], both[1]);
}

template <int F, int NV>
STRIATE_INLINE void write_pooled(const Vector (&sum)[2][F][NV], const ColumnsTile& t) {
  Vector most[F], turned[kMost];
  STRIATE_UNROLL
  for (int f = 0; f < F; ++f) {
    most[f] =
        pooled(largest(sum[0][f][0], sum[1][f][0]), largest(sum[0][f][NV - 1], sum[1][f][NV - 1]));
  }
  turn(most, t, turned);
  write_half<false>(turned, t.y);
  if constexpr (NV == 2) write_half<true>(turned, t.y + t.second / 2 * kLanes);
}

template <int F, int NV>
STRIATE_INLINE void write(const Vector (&sum)[2][F][NV], const ColumnsTile& t) {
  STRIATE_UNROLL
  for (int row = 0; row < 2; ++row) {
    STRIATE_UNROLL
    for (int i = 0; i < NV; ++i) {
      Vector own[F], turned[kMost];
      STRIATE_UNROLL
      for (int f = 0; f < F; ++f) own[f] = sum[row][f][i];
      turn(own, t, turned);
      float* const y = t.y + row * t.y_row + i * t.second * kLanes;
      write_half<false>(turned, y);
      write_half<true>(turned, y + kMost * kLanes);
    }
  }
}

// Two rows of outputs, NV vectors of their columns.
template <int KW, int F, int NV>
void tile(const ColumnsTile& t) {
  Vector sum[2][F][NV];
  STRIATE_UNROLL
  for (int f = 0; f < F; ++f) {
    const Vector bias = t.bias != nullptr ? broadcast(t.bias[f]) : Vector{};
    STRIATE_UNROLL
    for (int i = 0; i < NV; ++i) sum[0][f][i] = sum[1][f][i] = bias;
  }
  const int64_t taps = (KW > 0 ? KW : t.width) * F;  // floats of a row of them
  const float* w = t.w;
  for (int64_t c = 0; c < t.channels; ++c, w += taps) {
    const float* x = t.x + c * t.channel;
    add_taps<KW, true, false>(sum, t, x, w, w);
    _Pragma("GCC unroll 1") for (int64_t v = 1; v < t.height; ++v, w += taps) {
      x += t.row;
      add_taps<KW, true, true>(sum, t, x, w + taps, w);
    }
    add_taps<KW, false, true>(sum, t, x + t.row, w, w);
  }
  if (t.pool) {
    write_pooled(sum, t);
  } else {
    write(sum, t);
  }
}

typedef void (*TileFunction)(const ColumnsTile&);

struct TileTable {
  TileFunction of[kMost / 2][2] = {};  // [filters / 2 - 1][vectors - 1]
};

template <int KW, int F = 2>
constexpr void fill(TileTable& table) {
  table.of[F / 2 - 1][0] = tile<KW, F, 1>;
  if constexpr (F <= kShared) table.of[F / 2 - 1][1] = tile<KW, F, 2>;
  if constexpr (F < kMost) fill<KW, F + 2>(table);
}

// Where fewer lanes are idle than 6 of 16, and fewer registers are there, no tiles are made.
template <int KW>
constexpr TileTable tiles() {
  TileTable table;
  if constexpr (kLanes == 2 * kMost) fill<KW>(table);
  return table;
}

static constexpr TileTable kAny = tiles<0>(), kThree = tiles<3>(), kFive = tiles<5>();

// Columns that are computed: of a pooled map pairs.
int64_t columns_of(const ConvShape& s) {
  return s.pool ? s.out[2] / 2 * 2 : s.out[2];
}

// Whether it is a fifth less work than two rows in the halves of a vector.
bool is_less(const ConvShape& s) {
  const int64_t halves = s.out[2] * (s.kernel[1] + 1);
  const int64_t columns = 2 * tile_filters(s) * ceil_div(columns_of(s), kLanes) * s.kernel[1];
  return 5 * halves > 6 * columns;
}

bool fits(const ConvShape& s) {
  return kLanes == 2 * kMost && s.plain_input && bands_fit(s) && s.stride[1] == 1 &&
         s.stride[2] == 1 && s.out_channels <= kMost && columns_of(s) >= kLanes &&
         (s.pool || s.out[1] % 2 == 0) && is_less(s);
}

Needs needs(const ConvShape& s, int) {
  Needs needs;
  needs.weight_floats = ceil_div(s.in_channels * s.taps() * tile_filters(s), 16) * 16;
  needs.thread_floats = hangs_over(s) ? ceil_div(band_floats(s), 16) * 16 : 0;
  needs.tasks[0] = s.batch * bands_of(s);
  return needs;
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  const int64_t filters = tile_filters(s), floats = s.in_channels * s.taps() * filters;
  for (int64_t i = 0; i < needs(s, 1).weight_floats; ++i) {
    const int64_t o = i % filters, tap = i / filters % s.taps(), c = i / filters / s.taps();
    const bool real = i < floats && o < s.out_channels;
    packed[i] = real ? w.first[o * w.output + c * w.channel + tap_place(s, w, tap)] : 0;
  }
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t filters = tile_filters(s), columns = columns_of(s);
  const int64_t last = columns - kLanes;  // where the last vector begins
  const TileTable& table = s.kernel[2] == 3 ? kThree : s.kernel[2] == 5 ? kFive : kAny;
  const TileFunction* const tiles = table.of[filters / 2 - 1];
  const int64_t most = filters <= kShared ? 2 * kLanes : kLanes;  // columns of a tile
  each_band(s, first, stop, [&](int64_t n, int64_t from, int64_t to) STRIATE_LAMBDA {
    const Band band = begin_band(s, b, n, from, to);
    ColumnsTile t = {};
    static_cast<FirstTile&>(t) = band.t;
    for (int64_t i = 0; i + 1 < band.rows; i += 2) {
      for (int64_t j = 0; j < columns; j += most) {
        const int64_t at = least(j, last);
        t.x = band.x + i * t.row + at;
        t.y = band.y + (i >> s.pool) * t.y_row + (at >> s.pool) * kLanes;
        t.second = least(j + kLanes, last) - at;
        tiles[t.second > 0 && most > kLanes](t);
      }
    }
    end_band(s, band);
  });
}

}  // namespace

extern const Kernel<ConvShape> conv_first_columns;
const Kernel<ConvShape> conv_first_columns = {"first_columns", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
