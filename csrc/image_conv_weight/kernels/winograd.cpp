// Rows by Winograd's algorithm, turned around: the gradients of F(4,3) and F(4,5) along the width
// (conv/kernels/winograd_lines.hpp), 6 and 8 products for the 12 and 20 of 4 pixels of gy and a row
// of taps.
//
//   y = A' [(G g) * (B' d)]   ->   gg = G' [(A gy) * (B' d)]
//
//   W[o,c,u][k] += sum over rows, tiles of  (A gy[o, row, tile])[k] * (B' x[c, row + u, tile])[k]
//
// lane by lane: every lane is an image. A task has a chunk of the blocks of images for some
// filters. It goes by bands of rows, whose transforms stay in L2, and one product's in L1:
//
//   xs[product][row][tile][c][lane]     gys[product][row][tile][o][lane]
//   w[product][o][c][u][lane]           sums
//
// Rows of x outside of the map are zeros. At the end of a chunk come G' and the sums of the lanes.
#include "conv/kernels/winograd_lines.hpp"
#include "image_conv/kernels/rows.hpp"
#include "image_conv_weight/kernels/chunks.hpp"
#include "kernels/multiply_add.hpp"

namespace striate::STRIATE_TARGET {
namespace {

#if defined(__AVX512F__)
constexpr int kFilters = 4, kRows = 6;  // 24 sums of 32 registers
#elif defined(__AVX2__)
constexpr int kFilters = 3, kRows = 4;  // 12 of 16
#else
constexpr int kFilters = 2, kRows = 4;
#endif
constexpr int kWide = 4;           // pixels of gy of a tile
constexpr int64_t kTasks = 4;      // so that several threads share them evenly
constexpr int64_t kLeast = 8;      // filters of a task, each of which transforms x
constexpr int64_t kPlaces = 64;    // tiles that are summed in registers
constexpr int64_t kTransform = 9;  // what transforming a tile takes, in multiply-adds a product

struct Plan {
  int64_t products;         // of a tile
  int64_t blocks, tiles;    // of images; of a row
  int64_t rows;             // of taps: of all channels of a filter
  int64_t chunks, filters;  // of blocks; filters of the largest group
  int64_t groups;           // of filters
  int64_t bands;            // of a map's rows
  int64_t x_product, gy_product, w_product;
};

Plan plan(const ImageConvWeightShape& s) {
  Plan p;
  p.products = kWide + s.kernel[1] - 1;
  p.blocks = ceil_div(s.batch, kLanes);
  p.tiles = ceil_div(s.out[1], kWide);
  p.rows = s.in_channels * s.kernel[0];
  p.groups = most(1, least(ceil_div(kTasks, p.blocks), s.out_channels / kLeast));
  p.filters = ceil_div(s.out_channels, p.groups);
  p.chunks = least(p.blocks, ceil_div(kTasks, p.groups));
  p.bands = ceil_div(s.out[0] * p.tiles, kPlaces);
  p.bands = least(s.out[0], p.bands);
  const int64_t rows = ceil_div(s.out[0], p.bands);
  // An odd number of lines, or the products would fall into few sets of the cache.
  p.x_product = ((rows + s.kernel[0] - 1) * p.tiles * s.in_channels | 1) * kLanes;
  p.gy_product = (rows * p.tiles * p.filters | 1) * kLanes;
  p.w_product = p.filters * p.rows * kLanes;
  return p;
}

bool fits(const ImageConvWeightShape& s) {
  if (s.pool || (s.kernel[1] != 3 && s.kernel[1] != 5)) return false;
  const Plan p = plan(s);
  const int64_t direct = least(s.in[1], s.out[1]) * s.kernel[1] * p.rows * s.out_channels;
  const int64_t products = p.tiles * p.products * p.rows * s.out_channels;
  const int64_t transforms = p.tiles * p.products * (s.in_channels * p.groups + s.out_channels);
  return products + kTransform * transforms < direct;
}

int64_t scratch_floats(const ImageConvWeightShape& s, const Plan& p) {
  const int64_t sums = p.products * p.w_product + p.rows * s.kernel[1] * kLanes;
  return ceil_div(p.products * (p.x_product + p.gy_product) + sums, 16) * 16;
}

Needs needs(const ImageConvWeightShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.shared_floats = chunk_floats(s, p.chunks);
  needs.thread_floats = scratch_floats(s, p);
  needs.phases = 2;
  needs.tasks[0] = p.chunks * p.groups;
  needs.tasks[1] = s.out_channels;
  return needs;
}

// B' x of rows first .. first + count - 1, of a block of images.
template <int A>
void transform_x(const ImageConvWeightShape& s, const Plan& p, const float* x, int64_t first,
                 int64_t count, float* to) {
  const int64_t channel = s.in_pixels() * kLanes;
  for (int64_t row = first; row < first + count; ++row) {
    const int64_t width = row >= 0 && row < s.in[0] ? s.in[1] : 0;
    for (int64_t tile = 0; tile < p.tiles; ++tile) {
      const float* line = x + row * s.in[1] * kLanes;
      for (int64_t c = 0; c < s.in_channels; ++c, line += channel, to += kLanes) {
        Vector d[A], r[A];
        load_columns(line, tile * kWide - s.padding[1], width, d);
        input_line(d, r);
        STRIATE_UNROLL
        for (int k = 0; k < A; ++k) store(to + k * p.x_product, r[k]);
      }
    }
  }
}

// A gy of some filters' rows first .. stop - 1.
template <int A>
void transform_gy(const ImageConvWeightShape& s, const Plan& p, const float* gy, int64_t first,
                  int64_t stop, int64_t filters, float* to) {
  const int64_t filter = s.out_pixels() * kLanes;
  for (int64_t row = first; row < stop; ++row) {
    for (int64_t tile = 0; tile < p.tiles; ++tile) {
      const float* line = gy + row * s.out[1] * kLanes;
      for (int64_t o = 0; o < filters; ++o, line += filter, to += kLanes) {
        Vector g[kWide], r[A];
        load_columns(line, tile * kWide, s.out[1], g);
        output_line_back(g, r);
        STRIATE_UNROLL
        for (int k = 0; k < A; ++k) store(to + k * p.gy_product, r[k]);
      }
    }
  }
}

// One product of some filters by rows of taps, over all tiles of a band.
struct Tile {
  const float *x, *gy;
  const int64_t* at;        // from x to what each row of taps reads, in floats
  int64_t count;            // tiles
  int64_t x_step, gy_step;  // from tile to tile
  IntVector images;         // lanes that hold one
  float* sum;               // added to: of the first filter and row of taps
  int64_t sum_filter;       // floats from filter to filter
  bool first;               // nothing was added yet
};

template <int NO, int NR>
static void multiply(const Tile& t) {
  Vector sum[NO][NR];
  STRIATE_UNROLL
  for (int i = 0; i < NO * NR; ++i) sum[i / NR][i % NR] = Vector{};
  const float *x[NR], *gy = t.gy;
  STRIATE_UNROLL
  for (int r = 0; r < NR; ++r) x[r] = t.x + t.at[r];
  const int64_t x_step = t.x_step, gy_step = t.gy_step, stop = t.count * x_step;
  for (int64_t i = 0; i < stop; i += x_step, gy += gy_step) {
    asm volatile("" ::: "memory");  // GCC would load the next inputs early, and spill
    Vector g[NO];
    STRIATE_UNROLL
    for (int o = 0; o < NO; ++o) g[o] = load(gy + o * kLanes);
    STRIATE_UNROLL
    for (int r = 0; r < NR; ++r) {
      const Vector read = load(x[r] + i);
      STRIATE_UNROLL
      for (int o = 0; o < NO; ++o) multiply_add(sum[o][r], read, g[o]);
    }
  }
  STRIATE_UNROLL
  for (int o = 0; o < NO; ++o) {
    STRIATE_UNROLL
    for (int r = 0; r < NR; ++r) {
      float* const to = t.sum + o * t.sum_filter + r * kLanes;
      const Vector added = masked(t.images, sum[o][r]);
      store(to, t.first ? added : load(to) + added);
    }
  }
}

typedef void (*Multiply)(const Tile&);

struct MultiplyTable {
  Multiply of[kFilters][kRows] = {};  // [filters - 1][rows - 1]
};

template <int NO, int NR>
constexpr void fill(MultiplyTable& table) {
  table.of[NO - 1][NR - 1] = multiply<NO, NR>;
  if constexpr (NR > 1) {
    fill<NO, NR - 1>(table);
  } else if constexpr (NO > 1) {
    fill<NO - 1, kRows>(table);
  }
}

constexpr MultiplyTable multiply_table() {
  MultiplyTable table;
  fill<kFilters, kRows>(table);
  return table;
}

constexpr MultiplyTable kMultiply = multiply_table();

// All products of a band of `rows` rows.
void add_products(const ImageConvWeightShape& s, const Plan& p, int64_t rows, int64_t filters,
                  IntVector images, bool first, const float* xs, const float* gys, float* w) {
  Tile t = {};
  t.first = first;
  t.count = rows * p.tiles;
  t.x_step = s.in_channels * kLanes;
  t.gy_step = filters * kLanes;
  t.images = images;
  t.sum_filter = p.rows * kLanes;
  const int64_t filter_parts = ceil_div(filters, kFilters), row_parts = ceil_div(p.rows, kRows);
  for (int64_t k = 0; k < p.products; ++k) {
    int64_t c = 0, u = 0;  // of the next row of taps
    for (int64_t j = 0; j < row_parts; ++j) {
      const int64_t r = cut(p.rows, row_parts, j), taps = cut(p.rows, row_parts, j + 1) - r;
      int64_t at[kRows];
      for (int64_t i = 0; i < taps; ++i) {
        at[i] = (u * p.tiles * s.in_channels + c) * kLanes;
        if (++u < s.kernel[0]) continue;
        u = 0;
        ++c;
      }
      t.at = at;
      t.x = xs + k * p.x_product;
      for (int64_t i = 0; i < filter_parts; ++i) {
        const int64_t o = cut(filters, filter_parts, i);
        t.gy = gys + k * p.gy_product + o * kLanes;
        t.sum = w + k * p.w_product + (o * p.rows + r) * kLanes;
        kMultiply.of[cut(filters, filter_parts, i + 1) - o - 1][taps - 1](t);
      }
    }
  }
}

// The gradients of one filter's weights, lane by lane.
template <int A>
void transform_back(const Plan& p, const float* w, float* to) {
  constexpr int R = A - kWide + 1;
  for (int64_t row = 0; row < p.rows; ++row, w += kLanes, to += R * kLanes) {
    Vector read[A], g[R];
    STRIATE_UNROLL
    for (int k = 0; k < A; ++k) read[k] = load(w + k * p.w_product);
    weight_line_back(read, g);
    STRIATE_UNROLL
    for (int v = 0; v < R; ++v) store(to + v * kLanes, g[v]);
  }
}

template <int A>
void compute(const ImageConvWeightShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t chunk = task / p.groups, first = cut(s.out_channels, p.groups, task % p.groups);
  const int64_t filters = cut(s.out_channels, p.groups, task % p.groups + 1) - first;
  float *const xs = b.scratch, *const gys = xs + A * p.x_product;
  float *const w = gys + A * p.gy_product, *const lanes = w + A * p.w_product;
  const int64_t begin = cut(p.blocks, p.chunks, chunk), stop = cut(p.blocks, p.chunks, chunk + 1);
  for (int64_t block = begin; block < stop; ++block) {
    const float* const x = b.in[0] + block * s.in_channels * s.in_pixels() * kLanes;
    const float* const gy = b.in[1] + (block * s.out_channels + first) * s.out_pixels() * kLanes;
    const IntVector images = first_lanes(used_lanes(s.batch, block));
    for (int64_t band = 0; band < p.bands; ++band) {
      const int64_t top = cut(s.out[0], p.bands, band), end = cut(s.out[0], p.bands, band + 1);
      transform_x<A>(s, p, x, top - s.padding[0], end - top + s.kernel[0] - 1, xs);
      transform_gy<A>(s, p, gy, top, end, filters, gys);
      add_products(s, p, end - top, filters, images, block + band == begin, xs, gys, w);
    }
  }
  const int64_t weights = p.rows * s.kernel[1];
  for (int64_t o = 0; o < filters; ++o) {
    float* const sums = chunk_sums(s, b, chunk, first + o);
    transform_back<A>(p, w + o * p.rows * kLanes, lanes);
    add_lanes(lanes, weights, sums);
    sums[weights] = s.bias ? sum_filter(s, b, first + o, chunk, p.chunks) : 0;
  }
}

template <int A>
void run_tasks(const ImageConvWeightShape& s, const Buffers& b, int phase, int64_t first,
               int64_t stop) {
  const Plan p = plan(s);
  for (int64_t task = first; task < stop; ++task) {
    if (phase == 0) {
      compute<A>(s, p, b, task);
    } else {
      add_chunks(s, p.chunks, b, task);
    }
  }
}

void run(const ImageConvWeightShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  (s.kernel[1] == 3 ? run_tasks<6> : run_tasks<8>)(s, b, phase, first, stop);
}

}  // namespace

extern const Kernel<ImageConvWeightShape> image_conv_weight_winograd;
const Kernel<ImageConvWeightShape> image_conv_weight_winograd = {"winograd", fits, needs, nullptr,
                                                                 run};

}  // namespace striate::STRIATE_TARGET
