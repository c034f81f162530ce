// Winograd's algorithm for convolutions of plain input, (N, C, D, H, W), of any stride: the first
// layer of a network. What is computed, winograd_phases.hpp says; here is how. 7x7 at stride 2, 3
// -> 64 channels of 224x224, takes 1.15 ms on a core where the direct product (first.cpp), at the
// core's peak, takes 2.5.
//
// A task is a band of rows of tiles, or a part of them where rows are long. It turns rows of x to
// lines once, and keeps as many as a tile reads in a ring; then, for a group of as many tiles of a
// row as a GEMM tile has pixels, the columns of these. A product's lines follow one another, so
// that a GEMM reads what lies side by side:
//
//   h[channel][row of x % kReach][line across][tile]
//   v[point across][point down][line across][line down][channel][tile of the group, of kLanes]
//
// Of a volume each plane has a v of its own, which stays until the last output that reads it: a
// ring of as many as the filter has planes, for all groups of the row of tiles.
//
// A point across at a time, for two vectors of output channels:
//
//   m[point down][vector][tile][o % L]               products, summed over planes, lines, channels
//   half[vector][tile][row][point across][o % L]     m turned to rows of outputs
//
// Packed weights, the last pair a single vector where their number is odd:
//
//   pair of vectors: | [point across][point down][plane][line across][line down][channel][2 L]
#include "conv/kernels/first_winograd.hpp"

namespace striate::STRIATE_TARGET {
namespace {

template <typename P>
bool fits(const ConvShape& s) {
  for (int axis = 1; axis < 3; ++axis) {
    if (s.kernel[axis] != P::kTaps || s.stride[axis] != P::kStride) return false;
  }
  for (const int64_t dilation : s.dilation) {
    if (dilation != 1) return false;
  }
  return s.plain_input && s.whole_output() && !s.pool && s.groups == 1 && !s.plain_weight &&
         !s.scale && !s.residual && s.kernel[0] * s.in_channels <= kMostChannels;
}

template <typename P>
Needs needs(const ConvShape& s, int) {
  const FirstPlan z = first_plan<P>(s);
  Needs needs;
  const int64_t lines = P::kLines * P::kLines;
  needs.weight_floats = round_up(lines * z.planes * z.channels * z.vectors * kLanes, 16);
  needs.pack_tasks = ceil_div(z.vectors, 2);
  needs.thread_floats = z.padded_floats + z.h_floats + z.v_floats + z.m_floats + z.half_floats;
  needs.tasks[0] = s.batch * z.ranges * z.bands * z.chunks;
  return needs;
}

// u = (G g G^T) of one channel's window in a plane; `step` is from line to line.
template <typename P>
void transform_window(const Filters& w, const float* g, float* u, int64_t plane, int64_t planes,
                      int64_t step) {
  constexpr int K = P::kTaps, L = P::kLines;
  double taps[K][K], half[K][L] = {}, whole[L][L] = {};  // half[across][down]
  for (int i = 0; i < K; ++i) {
    for (int j = 0; j < K; ++j) taps[i][j] = g[i * w.tap[1] + j * w.tap[2]];
  }
  for (int j = 0; j < K; ++j) {
    for (int k = 0; k < K; ++k) {
      for (int i = 0; i < L; ++i) half[j][i] += taps[k][j] * kWeights<P>.g[k][i];
    }
  }
  for (int j = 0; j < L; ++j) {
    for (int k = j % P::kStride; k < K; k += P::kStride) {
      for (int i = 0; i < L; ++i) whole[j][i] += half[k][i] * kWeights<P>.g[k][j];
    }
  }
  for (int q = 0; q < P::kPoints; ++q) {
    for (int p = 0; p < P::kPoints; ++p) {
      const int lines = P::count(q) * P::count(p);
      float* to = u + plane * lines * step;
      for (int j = 0; j < P::count(q); ++j) {
        for (int i = 0; i < P::count(p); ++i, to += step) {
          *to = static_cast<float>(whole[P::begin(q) + j][P::begin(p) + i]);
        }
      }
      u += planes * lines * step;
    }
  }
}

template <typename P>
void pack(const ConvShape& s, const Filters& w, float* packed, int64_t first, int64_t stop) {
  const FirstPlan z = first_plan<P>(s);
  const int64_t lines = P::kLines * P::kLines * z.planes * z.channels;
  for (int64_t pair = first; pair < stop; ++pair) {
    const int64_t lanes = least(2, z.vectors - 2 * pair) * kLanes, output = 2 * pair * kLanes;
    float* const u = packed + output * lines;
    const int64_t floats =
        2 * pair + 2 < z.vectors ? lines * lanes : needs<P>(s, 1).weight_floats - output * lines;
    for (int64_t i = 0; i < floats; ++i) u[i] = 0;
    for (int64_t o = 0; o < least(lanes, s.out_channels - output); ++o) {
      for (int64_t plane = 0; plane < z.planes; ++plane) {
        const float* g = w.first + (output + o) * w.output + plane * w.tap[0];
        for (int64_t c = 0; c < z.channels; ++c, g += w.channel) {
          transform_window<P>(w, g, u + c * lanes + o, plane, z.planes, z.channels * lanes);
        }
      }
    }
  }
}

// The lines of a point across, of a group of tiles, in all planes that an output reads.
struct Lines {
  const float* of[kMostChannels];  // planes
  int64_t planes, terms;           // of a line and plane
};

// Its products, for NV vectors of output channels and NP tiles from `tile` on.
template <typename P, int NV, int NP>
static void multiply(const Lines& lines, int64_t tile, const float* w, float* m) {
  for (int p = 0; p < P::kPoints; ++p, m += 2 * kGroup * kLanes) {
    Vector sum[NV][NP] = {};
    for (int64_t plane = 0; plane < lines.planes; ++plane) {
      const float* v = lines.of[plane] + P::begin(p) * lines.terms * kLanes + tile;
      const float* const stop = v + P::count(p) * lines.terms * kLanes;
      _Pragma("GCC unroll 1") for (; v < stop; v += kLanes, w += NV * kLanes) {
        asm volatile("" ::: "memory");  // as in gemm.hpp
        Vector weight[NV];
        STRIATE_UNROLL
        for (int i = 0; i < NV; ++i) weight[i] = load(w + i * kLanes);
        STRIATE_UNROLL
        for (int t = 0; t < NP; ++t) {
          const Vector x = broadcast(v[t]);
          STRIATE_UNROLL
          for (int i = 0; i < NV; ++i) {
            sum[i][t] += x * weight[i];
            pin(sum[i][t]);
          }
        }
      }
    }
    STRIATE_UNROLL
    for (int i = 0; i < NV; ++i) {
      STRIATE_UNROLL
      for (int t = 0; t < NP; ++t) store(m + (i * kGroup + t) * kLanes, sum[i][t]);
    }
  }
}

typedef void (*Multiply)(const Lines&, int64_t, const float*, float*);

struct MultiplyTable {
  Multiply of[2][kTilePixels] = {};
};

template <typename P, int NV, int NP>
constexpr void fill(Multiply* to) {
  to[NP - 1] = multiply<P, NV, NP>;
  if constexpr (NP > 1) fill<P, NV, NP - 1>(to);
}

template <typename P>
constexpr MultiplyTable multiply_table() {
  MultiplyTable table;
  fill<P, 1, kTilePixels>(table.of[0]);
  fill<P, 2, kTilePixels>(table.of[1]);
  return table;
}

template <typename P>
static constexpr MultiplyTable kMultiply = multiply_table<P>();

// They are not in L1 or L2, where their first row is not written yet.
STRIATE_INLINE void fetch_row(const FirstOutputs& to, int row) {
  if (row >= to.rows) return;
  const float* y = to.y + row * to.y_row;
  for (int64_t i = 0; i < to.columns * kLanes; i += 16) __builtin_prefetch(y + i, 1);
}

// What a task computes, and where it keeps what it needs for that.
struct Part {
  int64_t image;
  int64_t first_plane, stop_plane;  // of outputs
  int64_t first_column, columns;    // tiles
  int64_t held = -1, below = 0;     // the plane in h, its rows up to there
  float *padded, *h, *v, *m, *half;

  // The lines of a group in a plane; planes, rows and columns count from the padding's first.
  float* lines(const FirstPlan& z, int64_t plane, int64_t group) const {
    return v + (plane % z.planes * z.kept + group % z.kept) * z.v_group;
  }
};

// A row of x, of all channels, to h.
template <typename P>
void read_row(const ConvShape& s, const FirstPlan& z, const Buffers& b, const Part& part,
              int64_t row) {
  constexpr int L = P::kLines;
  const int64_t left = part.first_column * P::kStep - s.padding[2];
  const int64_t floats = (part.columns - 1) * P::kStep + P::kReach;
  const int64_t first = most(0, least(floats, -left));
  const int64_t stop = most(first, least(floats, s.in[2] - left));
  const int64_t plane = part.held - s.padding[0], in_row = row - s.padding[1];
  for (int64_t c = 0; c < z.channels; ++c) {
    float* const h = part.h + (c * P::kReach + row % P::kReach) * L * z.line;
    if (plane < 0 || plane >= s.in[0] || in_row < 0 || in_row >= s.in[1]) {
      for (int64_t k = 0; k < L * z.line; ++k) h[k] = 0;
      continue;
    }
    const float* const x = b.in[0] + part.image * s.x_batch_stride +
                           ((c * s.in[0] + plane) * s.in[1] + in_row) * s.in[2] + left;
    if (z.planes > 1 && plane + 1 < s.in[0]) {  // the next plane's short row, soon
      const float* const next = x + s.in[1] * s.in[2];
      for (int64_t k = first; k < stop; k += 16) __builtin_prefetch(next + k);
    }
    for (int64_t k = 0; k < first; ++k) part.padded[k] = 0;
    for (int64_t k = first; k < stop; ++k) part.padded[k] = x[k];
    for (int64_t k = stop; k < floats; ++k) part.padded[k] = 0;
    transform_row<P>(part.padded, z.line, h);
  }
}

// What a row of tiles reads of a plane, to h, but for rows that it holds already.
template <typename P>
void read_plane(const ConvShape& s, const FirstPlan& z, const Buffers& b, int64_t plane,
                int64_t tile, Part& part) {
  const int64_t top = tile * P::kStep;
  if (part.held != plane) part.below = top;
  part.held = plane;
  for (; part.below < top + P::kReach; ++part.below) {
    read_row<P>(s, z, b, part, part.below);
  }
}

// The outputs of `tiles` tiles of a row, from v.
template <typename P>
void compute_group(const ConvShape& s, const FirstPlan& z, const Buffers& b, const Part& part,
                   int64_t plane, int64_t group, int64_t tiles, FirstOutputs to) {
  constexpr int64_t L = P::kLines, cell = kTileOutputs * P::kPoints * kLanes;
  float* const y = to.y;
  for (int64_t vector = 0; vector < z.vectors; vector += 2) {
    const int64_t vectors = least(2, z.vectors - vector);
    const float* const w = b.weight[0] + vector * kLanes * L * L * z.planes * z.channels;
    for (int q = 0; q < P::kPoints; ++q) {
      const int64_t before = P::begin(q) * L * z.channels * kLanes;
      Lines lines;
      lines.planes = z.planes;
      lines.terms = P::count(q) * z.channels;
      for (int64_t i = 0; i < z.planes; ++i) {
        lines.of[i] = part.lines(z, plane * s.stride[0] + i, group) + before;
      }
      for (int64_t t = 0; t < tiles; t += kTilePixels) {
        kMultiply<P>.of[vectors - 1][least(kTilePixels, tiles - t) - 1](
            lines, t, w + before * z.planes * vectors, part.m + t * kLanes);
      }
      for (int64_t i = 0; i < vectors; ++i) {
        to.y = y + (vector + i) * s.out_pixels() * kLanes;
        fetch_row(to, q);
        make_rows<P>(part.m + i * kGroup * kLanes, tiles,
                     part.half + i * tiles * cell + q * kLanes);
      }
    }
    for (int64_t i = 0; i < vectors; ++i) {
      to.y = y + (vector + i) * s.out_pixels() * kLanes;
      const float* bias = s.bias ? b.weight[1] + (vector + i) * kLanes : nullptr;
      make_outputs<P>(s, part.half + i * tiles * cell, bias, to);
    }
  }
}

// A row of tiles, plane by plane.
template <typename P>
void compute_row(const ConvShape& s, const FirstPlan& z, const Buffers& b, int64_t tile,
                 Part& part) {
  FirstOutputs to;
  to.y_row = s.out[2] * kLanes;
  to.rows = least(kTileOutputs, s.out[1] - tile * kTileOutputs);
  const auto make_lines = [&](int64_t plane, int64_t group) {
    const int64_t from = cut(part.columns, z.groups, group);
    transform_columns<P>(z, part.h + from, tile * P::kStep, part.lines(z, plane, group));
  };
  int64_t ready = 0;  // planes in v
  for (int64_t plane = part.first_plane; plane < part.stop_plane; ++plane) {
    const int64_t last = plane * s.stride[0] + z.planes - 1;
    for (ready = most(ready, plane * s.stride[0]); ready < last; ++ready) {
      read_plane<P>(s, z, b, ready, tile, part);
      for (int64_t group = 0; group < z.groups; ++group) make_lines(ready, group);
    }
    read_plane<P>(s, z, b, last, tile, part);
    for (int64_t group = 0; group < z.groups; ++group) {
      make_lines(last, group);
      const int64_t from = cut(part.columns, z.groups, group);
      const int64_t tiles = cut(part.columns, z.groups, group + 1) - from;
      const int64_t column = (part.first_column + from) * kTileOutputs;
      const int64_t row = plane * s.out[1] + tile * kTileOutputs;
      to.columns = least(tiles * kTileOutputs, s.out[2] - column);
      to.y = b.out[0] + part.image * s.y_batch_stride + (row * s.out[2] + column) * kLanes;
      compute_group<P>(s, z, b, part, plane, group, tiles, to);
    }
    ready = last + 1;
  }
}

template <typename P>
void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const FirstPlan z = first_plan<P>(s);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t band = task % z.bands, chunk = task / z.bands % z.chunks;
    const int64_t range = task / z.bands / z.chunks % z.ranges;
    Part part;
    part.image = task / z.bands / z.chunks / z.ranges;
    part.first_plane = cut(s.out[0], z.ranges, range);
    part.stop_plane = cut(s.out[0], z.ranges, range + 1);
    part.first_column = cut(z.columns, z.chunks, chunk);
    part.columns = cut(z.columns, z.chunks, chunk + 1) - part.first_column;
    part.padded = b.scratch;
    part.h = part.padded + z.padded_floats;
    part.v = part.h + z.h_floats;
    part.m = part.v + z.v_floats;
    part.half = part.m + z.m_floats;
    const int64_t below = cut(z.rows, z.bands, band + 1);
    for (int64_t tile = cut(z.rows, z.bands, band); tile < below; ++tile) {
      compute_row<P>(s, z, b, tile, part);
    }
  }
}

template <int S, int K>
constexpr Kernel<ConvShape> row(const char* name) {
  using P = Phases<S, K>;
  return {name, fits<P>, needs<P>, pack<P>, run<P>};
}

}  // namespace

extern const Kernel<ConvShape> conv_winograd4_3x3_1, conv_winograd4_5x5_2, conv_winograd4_7x7_2;
extern const Kernel<ConvShape> conv_winograd4_7x7_4, conv_winograd4_11x11_4;
const Kernel<ConvShape> conv_winograd4_3x3_1 = row<1, 3>("winograd4_3x3_1");
const Kernel<ConvShape> conv_winograd4_5x5_2 = row<2, 5>("winograd4_5x5_2");
const Kernel<ConvShape> conv_winograd4_7x7_2 = row<2, 7>("winograd4_7x7_2");
const Kernel<ConvShape> conv_winograd4_7x7_4 = row<4, 7>("winograd4_7x7_4");
const Kernel<ConvShape> conv_winograd4_11x11_4 = row<4, 11>("winograd4_11x11_4");

}  // namespace striate::STRIATE_TARGET
