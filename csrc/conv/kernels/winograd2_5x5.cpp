// Winograd's algorithm F(2x2, 5x5): 36 products for 4 outputs of a 5x5 filter, instead of 100.
//
//   Y = A^T ((G g G^T) * (B^T d B)) A      of tiles d of 6x6 pixels, two pixels apart
//
// B is that of F(4x4, 3x3), through the points 0, 1, -1, 2, -2 and infinity; G and A are for five
// taps and two outputs (Lavin and Gray 2016, arXiv:1509.09308; g itself is transformed in float64).
//
// For layers whose transformed weights stay in L1, such as LeNet's second (6 -> 16 channels on
// 14x14: 3.7 us for 5.1 by the direct product, and 8 by F(4x4, 5x5) in winograd.hpp, whose blocks
// cost more than they save there). A task does all for a few tiles, as many as a GEMM tile has
// pixels, so that everything stays in L1:
//
//   v[xi][c / L][tile][c % L]          transformed input
//   m[vector][xi][tile][o % L]         products of a pair of vectors of output channels
//   o[tile][2 * i + j][o % L]          outputs of one vector, before they are written to their
//   rows;
//                                      with `pool` o[tile][o % L], the largest of the four
//
// Packed weights, the last pair a single vector where their number is odd:
//
//   pair of vectors: | xi 0: c0: 2 L floats | c1 | ... | xi 1: ...
#include "conv/kernels/filters.hpp"
#include "conv/kernels/gemm.hpp"
#include "kernels/activate.hpp"
#include "kernels/joined.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int kSize = 6, kProducts = kSize * kSize, kTaps = 5;
constexpr int64_t kWeightFloats = 8192;  // 32 KiB of L1
constexpr int64_t kMostPixels = 256;     // larger maps are quicker by tiles of 4x4
constexpr int64_t kCell = kTilePixels * kLanes;

constexpr double kG[kSize][kTaps] = {
    {1.0 / 4, 0, 0, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 2.0 / 24, 4.0 / 24, 8.0 / 24, 16.0 / 24},
    {1.0 / 24, -2.0 / 24, 4.0 / 24, -8.0 / 24, 16.0 / 24},
    {0, 0, 0, 0, 1},
};

struct Sizes {
  int64_t in_blocks, vectors;
  int64_t depth;  // channels of a block that are multiplied; of several, all lanes of each
  int64_t rows, columns, groups;  // tiles of an image, and groups of at most kTilePixels of them
};

Sizes sizes_of(const ConvShape& s) {
  Sizes z;
  z.in_blocks = ceil_div(s.in_channels, kLanes);
  z.vectors = ceil_div(s.out_channels, kLanes);
  z.depth = least(s.in_channels, kLanes);
  z.rows = ceil_div(s.out[1], 2);
  z.columns = ceil_div(s.out[2], 2);
  z.groups = ceil_div(z.rows * z.columns, kTilePixels);
  return z;
}

int64_t packed_floats(const Sizes& z) {
  return kProducts * z.in_blocks * z.depth * z.vectors * kLanes;
}

bool fits(const ConvShape& s) {
  for (int axis = 0; axis < 3; ++axis) {
    if (s.kernel[axis] != (axis == 0 ? 1 : kTaps) || s.stride[axis] != 1 || s.dilation[axis] != 1) {
      return false;
    }
  }
  const bool flat = s.in[0] == 1 && s.out[0] == 1 && s.padding[0] == 0;
  return flat && s.whole_output() && s.groups == 1 && !s.plain_input && !s.plain_weight &&
         !s.scale && !s.residual && s.out[1] > 1 && s.out[2] > 1 && s.out_pixels() <= kMostPixels &&
         packed_floats(sizes_of(s)) <= kWeightFloats;
}

Needs needs(const ConvShape& s, int) {
  const Sizes z = sizes_of(s);
  Needs needs;
  needs.weight_floats = ceil_div(packed_floats(z), 16) * 16;
  needs.thread_floats = ceil_div((z.in_blocks + 2) * kProducts * kCell + 4 * kCell, 16) * 16;
  needs.tasks[0] = s.batch * z.groups;
  return needs;
}

// u[xi * stride] = (G g G^T)[xi / 6][xi % 6]
void transform_window(const ConvShape& s, const Filters& w, const float* g, float* u,
                      int64_t stride) {
  double half[kSize][kTaps] = {};  // G g
  for (int i = 0; i < kSize; ++i) {
    for (int j = 0; j < kTaps; ++j) {
      for (int k = 0; k < kTaps; ++k) half[i][j] += kG[i][k] * g[tap_place(s, w, k * kTaps + j)];
    }
  }
  for (int xi = 0; xi < kProducts; ++xi) {
    double sum = 0;
    for (int j = 0; j < kTaps; ++j) sum += half[xi / kSize][j] * kG[xi % kSize][j];
    u[xi * stride] = static_cast<float>(sum);
  }
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  const Sizes z = sizes_of(s);
  for (int64_t i = 0; i < needs(s, 1).weight_floats; ++i) packed[i] = 0;
  const int64_t channels = z.in_blocks * z.depth;
  for (int64_t o = 0; o < s.out_channels; ++o) {
    const int64_t vector = o / kLanes & ~int64_t{1};  // first of its pair
    const int64_t lanes = least(2, z.vectors - vector) * kLanes;
    float* const pair = packed + vector * kLanes * channels * kProducts + (o - vector * kLanes);
    for (int64_t c = 0; c < s.in_channels; ++c) {
      transform_window(s, w, w.first + o * w.output + c * w.channel, pair + c * lanes,
                       channels * lanes);
    }
  }
}

// B^T d
STRIATE_INLINE void transform_input(const Vector (&d)[kSize], Vector (&t)[kSize]) {
  const Vector even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1];
  const Vector rest = d[4] - d[2], twice = 2.0f * (d[3] - d[1]);
  t[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = rest + twice;
  t[4] = rest - twice;
  t[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

// A^T m
STRIATE_INLINE void transform_output(const Vector (&m)[kSize], Vector (&y)[2]) {
  y[0] = m[0] + (m[1] + m[2]) + (m[3] + m[4]);
  y[1] = (m[1] - m[2]) + 2.0f * (m[3] - m[4]) + m[5];
}

alignas(64) constexpr float kZeros[kLanes] = {};

// One tile of one block of channels, whose first pixel is (top, left), to v.
static void read_tile(const ConvShape& s, const float* map, int64_t top, int64_t left, float* v,
                      int64_t v_product) {
  const int64_t height = s.in[1], width = s.in[2];
  const bool inside = top >= 0 && left >= 0 && top + kSize <= height && left + kSize <= width;
  Vector rows[kSize][kSize];
  for (int i = 0; i < kSize; ++i) {
    Vector d[kSize];
    const float* row = map + ((top + i) * width + left) * kLanes;
    if (inside) {
      STRIATE_UNROLL
      for (int j = 0; j < kSize; ++j) d[j] = load(row + j * kLanes);
    } else {
      const bool there = top + i >= 0 && top + i < height;
      for (int j = 0; j < kSize; ++j) {
        d[j] = load(there && left + j >= 0 && left + j < width ? row + j * kLanes : kZeros);
      }
    }
    transform_input(d, rows[i]);
  }
  for (int j = 0; j < kSize; ++j) {
    Vector d[kSize], t[kSize];
    STRIATE_UNROLL
    for (int i = 0; i < kSize; ++i) d[i] = rows[i][j];
    transform_input(d, t);
    STRIATE_UNROLL
    for (int i = 0; i < kSize; ++i) store(v + (i * kSize + j) * v_product, t[i]);
  }
}

// m = v * w for NV vectors of output channels and NP tiles.
template <int NV, int NP>
static void multiply(const Sizes& z, const float* v, const float* w, float* m) {
  for (int xi = 0; xi < kProducts; ++xi, m += kCell) {
    Vector sum[NV][NP] = {};
    for (int64_t block = 0; block < z.in_blocks; ++block, v += kCell) {
      _Pragma("GCC unroll 1") for (int64_t k = 0; k < z.depth; ++k, w += NV * kLanes) {
        gemm_steps<NV, NP>(sum, v + k, w);
      }
    }
    STRIATE_UNROLL
    for (int i = 0; i < NV; ++i) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) store(m + i * kProducts * kCell + p * kLanes, sum[i][p]);
    }
  }
}

typedef void (*Multiply)(const Sizes&, const float*, const float*, float*);

struct MultiplyTable {
  Multiply of[2][kTilePixels] = {};
};

template <int NV, int NP>
constexpr void fill(Multiply* to) {
  to[NP - 1] = multiply<NV, NP>;
  if constexpr (NP > 1) fill<NV, NP - 1>(to);
}

constexpr MultiplyTable multiply_table() {
  MultiplyTable table;
  fill<1, kTilePixels>(table.of[0]);
  fill<2, kTilePixels>(table.of[1]);
  return table;
}

static constexpr MultiplyTable kMultiply = multiply_table();

// The four outputs of each tile of one vector, or the largest of them.
template <bool kPool>
static void make_outputs(const ConvShape& s, const float* m, int64_t tiles, const float* bias,
                         float* o) {
  const Vector start = bias != nullptr ? load(bias) : Vector{};
  const bool clamp = s.activation.kind == Activation::clamp;
  const Vector low = broadcast(s.activation.alpha), high = broadcast(s.activation.beta);
  constexpr int kMade = kPool ? 1 : 4;
  for (int64_t t = 0; t < tiles; ++t, m += kLanes, o += kMade * kLanes) {
    Vector rows[kSize][2], columns[2][kSize], most[2];
    STRIATE_UNROLL
    for (int i = 0; i < kSize; ++i) {
      Vector d[kSize];
      STRIATE_UNROLL
      for (int j = 0; j < kSize; ++j) d[j] = load(m + (i * kSize + j) * kCell);
      transform_output(d, rows[i]);
      columns[0][i] = rows[i][0];
      columns[1][i] = rows[i][1];
    }
    STRIATE_UNROLL
    for (int j = 0; j < 2; ++j) {
      Vector y[2];
      transform_output(columns[j], y);
      most[j] = largest(y[0], y[1]);
      if (kPool) continue;
      STRIATE_UNROLL
      for (int i = 0; i < 2; ++i) {
        Vector sum = y[i] + start;
        if (clamp) sum = min(high, max(low, sum));
        store(o + (2 * i + j) * kLanes, sum);
      }
    }
    if (kPool) {
      const Vector sum = largest(most[0], most[1]) + start;
      store(o, clamp ? min(high, max(low, sum)) : sum);
    }
  }
  if (s.activation.kind != Activation::none && !clamp) {
    const int64_t floats = kMade * tiles * kLanes;
    activate(s.activation, o - floats, o - floats, floats);
  }
}

static void write_pooled(const ConvShape& s, const Sizes& z, const float* o, int64_t first,
                         int64_t stop, float* y) {
  for (int64_t t = first; t < stop; ++t, o += kLanes) {
    const int64_t row = t / z.columns, column = t % z.columns;
    if (row < s.made(1) && column < s.made(2)) {
      store(y + (row * s.made(2) + column) * kLanes, load(o));
    }
  }
}

static void write_outputs(const ConvShape& s, const Sizes& z, const float* o, int64_t first,
                          int64_t stop, float* y) {
  int64_t row = first / z.columns * 2, column = first % z.columns * 2;
  for (int64_t t = first; t < stop; ++t, o += 4 * kLanes) {
    for (int i = 0; i < 2 && row + i < s.out[1]; ++i) {
      float* to = y + ((row + i) * s.out[2] + column) * kLanes;
      store(to, load(o + 2 * i * kLanes));
      if (column + 1 < s.out[2]) store(to + kLanes, load(o + (2 * i + 1) * kLanes));
    }
    column += 2;
    if (column >= s.out[2]) {
      column = 0;
      row += 2;
    }
  }
}

void run_group(const ConvShape& s, const Sizes& z, const Buffers& b, int64_t n, int64_t first,
               int64_t stop) {
  const float* x = b.in[0] + n * s.x_batch_stride;
  float* const y = b.out[0] + n * s.y_batch_stride;
  float* const v = b.scratch;
  float* const m = v + z.in_blocks * kProducts * kCell;
  float* const o = m + 2 * kProducts * kCell;
  for (int64_t block = 0; block < z.in_blocks; ++block) {
    for (int64_t t = first; t < stop; ++t) {
      const int64_t top = t / z.columns * 2 - s.padding[1];
      const int64_t left = t % z.columns * 2 - s.padding[2];
      read_tile(s, x + block * s.in_pixels() * kLanes, top, left,
                v + block * kCell + (t - first) * kLanes, z.in_blocks * kCell);
    }
  }
  for (int64_t vector = 0; vector < z.vectors; vector += 2) {
    const int64_t pair = least(2, z.vectors - vector);
    const float* w = b.weight[0] + vector * kLanes * kProducts * z.in_blocks * z.depth;
    kMultiply.of[pair - 1][stop - first - 1](z, v, w, m);
    for (int64_t i = 0; i < pair; ++i) {
      const float* bias = s.bias ? b.weight[1] + (vector + i) * kLanes : nullptr;
      const auto make = s.pool ? make_outputs<true> : make_outputs<false>;
      const auto write = s.pool ? write_pooled : write_outputs;
      make(s, m + i * kProducts * kCell, stop - first, bias, o);
      write(s, z, o, first, stop, y + (vector + i) * s.full_pixels() * kLanes);
    }
  }
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const Sizes z = sizes_of(s);
  const int64_t tiles = z.rows * z.columns;
  for (int64_t task = first; task < stop; ++task) {
    const int64_t group = task % z.groups;
    run_group(s, z, b, task / z.groups, cut(tiles, z.groups, group),
              cut(tiles, z.groups, group + 1));
  }
}

}  // namespace

extern const Kernel<ConvShape> conv_winograd2_5x5;
const Kernel<ConvShape> conv_winograd2_5x5 = {"winograd2_5x5", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
