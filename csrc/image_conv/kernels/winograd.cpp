// Rows by Winograd's algorithm: F(4,3) and F(4,5) along the width, 6 and 8 products for 4 outputs
// in place of 12 and 20 (conv/kernels/winograd_lines.hpp). The taps of a column are summed
// directly, so that a row of x is transformed once for all of them, and for all output channels.
//
//   q[o][k] = sum over c,u of  U[o,c,u][k] * (B' x[c, row + u])[k],     y[o] = A' q[o]
//
// Phase 0 transforms the weights. A task of phase 1 has a band of rows of a block of images, for
// some tiles of each row after the others: transforms what they read, and multiplies row by row,
// for some output channels at a time.
//
//   v[product][row][c][tile][lane]      transformed input of the band
//   u[group of o][product][u][c][o]     weights
//   m[product][o][tile][lane]           products of a row and a group
//   r[row][o][column][lane]             two rows of a group, where they are pooled
#include "conv/kernels/winograd_lines.hpp"
#include "image_conv/kernels/rows.hpp"
#include "kernels/activate.hpp"
#include "kernels/multiply_add.hpp"
#include "pool/kernels/winner.hpp"

namespace striate::STRIATE_TARGET {
namespace {

#if defined(__AVX512F__)
constexpr int kSums = 24, kOutputs = 8, kTiles = 4;  // of 32 registers
#elif defined(__AVX2__)
constexpr int kSums = 12, kOutputs = 6, kTiles = 3;  // of 16
#else
constexpr int kSums = 8, kOutputs = 4, kTiles = 2;
#endif
constexpr int kWide = 4;           // outputs of a tile
constexpr int64_t kTasks = 8;      // so that several threads share them evenly
constexpr int64_t kTransform = 6;  // what transforming a tile takes, in multiply-adds a product

struct Plan {
  int64_t products;            // of a tile
  int64_t together;            // rows, and columns, that become one
  int64_t blocks, bands;       // of images, of rows: tasks
  int64_t tiles, parts, wide;  // of a row; tiles of the largest part
  int64_t groups, outputs;     // of output channels; channels of the largest group
  int64_t v_product, r_row;    // floats
  int64_t depth;               // channels of all rows of taps
};

Plan plan(const ImageConvShape& s) {
  Plan p;
  p.products = kWide + s.kernel[1] - 1;
  p.blocks = ceil_div(s.batch, kLanes);
  p.together = s.pool ? 2 : 1;
  const int64_t most_bands = most(1, s.out[0] / most(p.together, s.kernel[0]));
  p.bands = least(ceil_div(kTasks, p.blocks), most_bands);
  p.tiles = ceil_div(s.out[1], kWide);
  p.parts = ceil_div(p.tiles, kTiles);
  p.wide = ceil_div(p.tiles, p.parts);
  p.groups = ceil_div(s.out_channels, least(kOutputs, kSums / p.wide));
  p.outputs = ceil_div(s.out_channels, p.groups);
  const int64_t band = p.together * ceil_div(s.out[0] / p.together, p.bands);
  const int64_t rows = least(s.in[0], band + s.kernel[0] - 1);
  p.v_product = (rows * s.in_channels * p.wide | 1) * kLanes;  // an odd number of lines
  p.r_row = s.pool ? p.outputs * p.wide * kWide * kLanes : 0;
  p.depth = s.kernel[0] * s.in_channels;
  return p;
}

bool fits(const ImageConvShape& s) {
  if (s.kernel[1] != 3 && s.kernel[1] != 5) return false;
  const Plan p = plan(s);
  const int64_t direct = least(s.in[1], s.out[1]) * s.kernel[1] * p.depth * s.out_channels;
  const int64_t products = p.tiles * p.products * p.depth * s.out_channels;
  const int64_t transforms = p.tiles * p.products * (s.in_channels + s.out_channels);
  return products + kTransform * transforms < direct;
}

Needs needs(const ImageConvShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.shared_floats = ceil_div(p.products * p.depth * s.out_channels, 16) * 16;
  const int64_t products = p.products * (p.v_product + p.outputs * p.wide * kLanes);
  const int64_t scratch = products + p.together * p.r_row;
  needs.thread_floats = ceil_div(scratch, 16) * 16;
  needs.phases = 2;
  needs.tasks[0] = p.groups;
  needs.tasks[1] = p.blocks * p.bands;
  return needs;
}

// Where the weights of an output channel and those behind it lie.
float* weights_of(const Plan& p, const Buffers& b, int64_t output) {
  return b.shared + output * p.products * p.depth;
}

template <int A>
void transform_weights(const ImageConvShape& s, const Plan& p, const Buffers& b, int64_t group) {
  constexpr int R = A - kWide + 1;
  const int64_t first = cut(s.out_channels, p.groups, group);
  const int64_t outputs = cut(s.out_channels, p.groups, group + 1) - first;
  const WeightSteps step = weight_steps(s);
  float* to = weights_of(p, b, first);
  for (int64_t u = 0; u < s.kernel[0]; ++u) {
    for (int64_t c = 0; c < s.in_channels; ++c, to += outputs) {
      const float* from = b.in[1] + step.first + first * step.out + c * step.in + u * step.row;
      for (int64_t o = 0; o < outputs; o += kDoubles, from += kDoubles * step.out) {
        const int count = static_cast<int>(least(kDoubles, outputs - o));
        Doubles g[R] = {}, line[A];
        for (int lane = 0; lane < count; ++lane) {
          for (int v = 0; v < R; ++v) g[v][lane] = from[lane * step.out + v * step.tap];
        }
        weight_line(g, line);
        for (int k = 0; k < A; ++k) {
          float* const place = to + k * p.depth * outputs + o;
          for (int lane = 0; lane < count; ++lane) place[lane] = static_cast<float>(line[k][lane]);
        }
      }
    }
  }
}

// Tiles first .. stop - 1 of rows of x.
template <int A>
void transform_rows(const ImageConvShape& s, const Plan& p, const float* x, Range rows, Range tiles,
                    float* v) {
  const int64_t channel = s.in_pixels() * kLanes;
  for (int64_t row = rows.first; row < rows.stop; ++row) {
    for (int64_t c = 0; c < s.in_channels; ++c) {
      const float* const line = x + c * channel + row * s.in[1] * kLanes;
      for (int64_t tile = tiles.first; tile < tiles.stop; ++tile, v += kLanes) {
        Vector d[A], r[A];
        load_columns(line, tile * kWide - s.padding[1], s.in[1], d);
        input_line(d, r);
        STRIATE_UNROLL
        for (int k = 0; k < A; ++k) store(v + k * p.v_product, r[k]);
      }
    }
  }
}

// One product of NO channels by NT tiles.
template <int NO, int NT>
static void multiply(const float* v, const float* u, int64_t depth, float* m) {
  Vector sum[NO][NT];
  STRIATE_UNROLL
  for (int i = 0; i < NO * NT; ++i) sum[i / NT][i % NT] = Vector{};
  for (; depth > 0; --depth, v += NT * kLanes, u += NO) {
    Vector x[NT];
    STRIATE_UNROLL
    for (int t = 0; t < NT; ++t) x[t] = load(v + t * kLanes);
    STRIATE_UNROLL
    for (int o = 0; o < NO; ++o) {
      const Vector weight = broadcast(u[o]);
      STRIATE_UNROLL
      for (int t = 0; t < NT; ++t) multiply_add(sum[o][t], x[t], weight);
    }
  }
  STRIATE_UNROLL
  for (int i = 0; i < NO * NT; ++i) store(m + i * kLanes, sum[i / NT][i % NT]);
}

typedef void (*Multiply)(const float*, const float*, int64_t, float*);

struct MultiplyTable {
  Multiply of[kOutputs][kTiles] = {};  // [channels - 1][tiles - 1]
};

template <int NO, int NT>
constexpr void fill(MultiplyTable& table) {
  if constexpr (NO * NT <= kSums) table.of[NO - 1][NT - 1] = multiply<NO, NT>;
  if constexpr (NT > 1) {
    fill<NO, NT - 1>(table);
  } else if constexpr (NO > 1) {
    fill<NO - 1, kTiles>(table);
  }
}

constexpr MultiplyTable multiply_table() {
  MultiplyTable table;
  fill<kOutputs, kTiles>(table);
  return table;
}

constexpr MultiplyTable kMultiply = multiply_table();

// Outputs of the columns from the first of a tile's on, of these tiles of a row.
int64_t columns_of(const ImageConvShape& s, Range tiles) {
  return least(s.out[1], tiles.stop * kWide) - tiles.first * kWide;
}

// A' q + bias of the tiles of a row and channel, `low` at least and `high` at most.
template <int A>
void write_tiles(const float* m, int64_t product, Vector bias, Vector low, Vector high,
                 int64_t columns, float* to) {
  for (; columns > 0; columns -= kWide, m += kLanes, to += kWide * kLanes) {
    Vector q[A], r[kWide];
    STRIATE_UNROLL
    for (int k = 0; k < A; ++k) q[k] = load(m + k * product);
    output_line<kWide>(q, r);
    STRIATE_UNROLL
    for (int j = 0; j < kWide; ++j) {
      if (j < columns) store(to + j * kLanes, min(high, max(low, r[j] + bias)));
    }
  }
}

// The largest of 2x2 numbers of two rows of a channel, and its place where it is asked for.
void pool_rows(const float* upper, const float* lower, int64_t columns, Vector low, Vector high,
               float* y, uint8_t* places) {
  for (int64_t j = 0; j < columns; ++j, upper += 2 * kLanes, lower += 2 * kLanes) {
    Winner winner = {load(upper), places_of(0)}, below = {load(lower), places_of(2)};
    winner.meet(load(upper + kLanes), places_of(1));
    below.meet(load(lower + kLanes), places_of(3));
    winner.meet(below.x, below.place);
    store(y + j * kLanes, min(high, max(low, winner.x)));
    if (places != nullptr) store_places(places + j * kLanes, winner.place);
  }
}

// What a task has of a block of images: some tiles of a band of rows.
struct Part {
  int64_t block;
  Range tiles;
  int64_t first_input;  // the row of x that is the first in v
  float *v, *m, *r;
};

// The products of a group of output channels, of a row of the output.
template <int A>
void multiply_row(const ImageConvShape& s, const Plan& p, const Buffers& b, const Part& part,
                  int64_t row, Range outputs) {
  const int64_t wide = part.tiles.stop - part.tiles.first, top = row - s.padding[0];
  const int64_t channels = outputs.stop - outputs.first;
  const Range taps = inside(top, s.kernel[0], s.in[0]);
  const float* const v =
      part.v + (top + taps.first - part.first_input) * s.in_channels * wide * kLanes;
  const float* const u = weights_of(p, b, outputs.first) + taps.first * s.in_channels * channels;
  const Multiply multiply = kMultiply.of[channels - 1][wide - 1];
  for (int64_t k = 0; k < A; ++k) {
    multiply(v + k * p.v_product, u + k * p.depth * channels,
             (taps.stop - taps.first) * s.in_channels, part.m + k * channels * wide * kLanes);
  }
}

// A row of the output, or two that are pooled, of a group of channels.
template <int A>
void compute_group(const ImageConvShape& s, const Plan& p, const Buffers& b, const Part& part,
                   int64_t row, Range outputs) {
  const int64_t wide = part.tiles.stop - part.tiles.first;
  const int64_t product = (outputs.stop - outputs.first) * wide * kLanes;
  const int64_t columns = columns_of(s, part.tiles), count = columns / p.together;
  const int64_t height = s.out[0] / p.together, width = s.out[1] / p.together;
  const bool clamps = s.activation.kind == Activation::clamp;
  const Vector least_y = broadcast(-__builtin_inff()), most_y = broadcast(__builtin_inff());
  const Vector low = clamps ? broadcast(s.activation.alpha) : least_y;
  const Vector high = clamps ? broadcast(s.activation.beta) : most_y;
  const auto place_of = [&](int64_t o) STRIATE_LAMBDA {
    const int64_t channel = part.block * s.out_channels + o;
    const int64_t pixel = row / p.together * width + part.tiles.first * kWide / p.together;
    return (channel * height * width + pixel) * kLanes;
  };
  for (int64_t i = 0; i < p.together; ++i) {
    multiply_row<A>(s, p, b, part, row + i, outputs);
    for (int64_t o = outputs.first; o < outputs.stop; ++o) {
      const int64_t at = o - outputs.first;
      const Vector bias = s.bias ? broadcast(b.in[2][o]) : Vector{};
      float* const to =
          s.pool ? part.r + i * p.r_row + at * p.wide * kWide * kLanes : b.out[0] + place_of(o);
      write_tiles<A>(part.m + at * wide * kLanes, product, bias, s.pool ? least_y : low,
                     s.pool ? most_y : high, columns, to);
    }
  }
  for (int64_t o = outputs.first; o < outputs.stop; ++o) {
    float* const y = b.out[0] + place_of(o);
    if (s.pool) {
      const float* const upper = part.r + (o - outputs.first) * p.wide * kWide * kLanes;
      uint8_t* const places =
          s.places ? reinterpret_cast<uint8_t*>(b.out[1]) + place_of(o) : nullptr;
      pool_rows(upper, upper + p.r_row, count, low, high, y, places);
    }
    if (!clamps && s.activation.kind != Activation::none) {
      activate(s.activation, y, y, count * kLanes);
    }
  }
}

template <int A>
void compute(const ImageConvShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t band = task % p.bands, bands = s.out[0] / p.together;
  const int64_t first = p.together * cut(bands, p.bands, band);
  const int64_t stop = p.together * cut(bands, p.bands, band + 1);
  const int64_t bottom = stop - 1 - s.padding[0] + s.kernel[0];
  const Range read = {least(s.in[0], most(0, first - s.padding[0])), least(s.in[0], bottom)};
  Part part;
  part.block = task / p.bands;
  part.first_input = read.first;
  part.v = b.scratch;
  part.m = part.v + A * p.v_product;
  part.r = part.m + A * p.outputs * p.wide * kLanes;
  const float* const x = b.in[0] + part.block * s.in_channels * s.in_pixels() * kLanes;
  for (int64_t i = 0; i < p.parts; ++i) {
    part.tiles = {cut(p.tiles, p.parts, i), cut(p.tiles, p.parts, i + 1)};
    transform_rows<A>(s, p, x, read, part.tiles, part.v);
    for (int64_t row = first; row < stop; row += p.together) {
      for (int64_t group = 0; group < p.groups; ++group) {
        compute_group<A>(
            s, p, b, part, row,
            {cut(s.out_channels, p.groups, group), cut(s.out_channels, p.groups, group + 1)});
      }
    }
  }
}

template <int A>
void run_tasks(const ImageConvShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  for (int64_t task = first; task < stop; ++task) {
    (phase == 0 ? transform_weights<A> : compute<A>)(s, p, b, task);
  }
}

void run(const ImageConvShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  (s.kernel[1] == 3 ? run_tasks<6> : run_tasks<8>)(s, b, phase, first, stop);
}

}  // namespace

extern const Kernel<ImageConvShape> image_conv_winograd;
const Kernel<ImageConvShape> image_conv_winograd = {"winograd", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
