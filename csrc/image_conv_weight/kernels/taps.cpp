// A few filters over a chunk of the blocks of images a task: the taps of a row of a filter at once.
//
//   sum[o][v] += gy[o][pixel] * x[pixel + v]      lane by lane: every lane is an image
//
// On AVX2 2 filters by up to 6 taps, or 4 by up to 3, are 12 sums; 5 taps take 7 loads for 10
// multiply-adds. The lanes are added up once a chunk, the chunks in a second phase. Where outputs
// were pooled, a band's rows of gy are spread into scratch first.
#include "image_conv_weight/kernels/chunks.hpp"
#include "kernels/multiply_add.hpp"
#include "pool/kernels/spread.hpp"

namespace striate::STRIATE_TARGET {
namespace {

#if defined(__AVX512F__)
constexpr int kSums = 24, kTaps = 6;  // of 32 registers
#elif defined(__AVX2__)
constexpr int kSums = 12, kTaps = 6;  // of 16
#else
constexpr int kSums = 8, kTaps = 4;
#endif
constexpr int kFilters = 4;
constexpr int64_t kTasks = 16;    // so that several threads share them evenly
constexpr int64_t kPlaces = 256;  // that are summed in registers: more would round more

struct Plan {
  int64_t blocks, weights;             // of a filter
  int64_t tap_parts, filters, groups;  // of the taps of a row; in a group; of filters
  int64_t chunks, bands;
  int64_t spread;  // floats of a filter's rows of a band, where they are spread
};

Plan plan(const ImageConvWeightShape& s) {
  Plan p;
  p.blocks = ceil_div(s.batch, kLanes);
  p.weights = s.in_channels * s.taps();
  p.tap_parts = ceil_div(s.kernel[1], kTaps);
  p.filters = kFilters * ceil_div(s.kernel[1], p.tap_parts) <= kSums ? kFilters : 2;
  p.groups = ceil_div(s.out_channels, p.filters);
  p.chunks = least(p.blocks, ceil_div(kTasks, p.groups));
  p.bands = ceil_div(s.out[0], most(1, kPlaces / s.out[1]));
  p.spread = s.pool ? ceil_div(s.out[0], p.bands) * s.out[1] * kLanes : 0;
  return p;
}

struct Tile {
  const float *x, *gy;               // what the first tap of row 0, pixel 0 reads; perhaps outside
  int64_t rows, pixels;              // of gy
  int64_t from, width;               // column of x of the first tap and pixel 0, of how many
  int64_t x_row, gy_row, gy_filter;  // floats from one to the next
  IntVector images;                  // lanes that hold one
  float* sum;                        // added to: of tap 0
  int64_t sum_filter;                // floats from filter to filter
};

// One pixel of gy, whose first tap reads column `at` of x. At an edge the others may lie outside.
template <bool kEdge, int NO, int NV>
STRIATE_INLINE void add_pixel(const Tile& t, const float* x, const float* gy, int64_t at,
                              Vector (&sum)[NO][NV]) {
  Vector g[NO];
  STRIATE_UNROLL
  for (int o = 0; o < NO; ++o) g[o] = load(gy + o * t.gy_filter);
  STRIATE_UNROLL
  for (int v = 0; v < NV; ++v) {
    if (kEdge && (at + v < 0 || at + v >= t.width)) continue;
    const Vector read = load(x + v * kLanes);
    STRIATE_UNROLL
    for (int o = 0; o < NO; ++o) multiply_add(sum[o][v], read, g[o]);
  }
}

// Pixels first .. stop - 1 of a row.
template <bool kEdge, int NO, int NV>
STRIATE_INLINE void add_pixels(const Tile& t, const float* x, const float* gy, int64_t first,
                               int64_t stop, Vector (&sum)[NO][NV]) {
  for (int64_t j = first; j < stop; ++j) {
    asm volatile("" ::: "memory");  // GCC would load the next pixels early, and spill
    add_pixel<kEdge>(t, x + j * kLanes, gy + j * kLanes, t.from + j, sum);
  }
}

template <int NO, int NV>
static void tile(const Tile& given) {
  const Tile t = given;  // so that GCC need not read it again behind each pixel
  Vector sum[NO][NV];
  STRIATE_UNROLL
  for (int o = 0; o < NO; ++o) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) sum[o][v] = Vector{};
  }
  // Pixels of gy all of whose taps read one of the map.
  const int64_t first = least(t.pixels, most(0, -t.from));
  const int64_t stop = most(first, least(t.pixels, t.width - NV + 1 - t.from));
  for (int64_t r = 0; r < t.rows; ++r) {
    const float *x = t.x + r * t.x_row, *gy = t.gy + r * t.gy_row;
    if (first > 0) add_pixels<true>(t, x, gy, 0, first, sum);
    add_pixels<false>(t, x, gy, first, stop, sum);
    if (stop < t.pixels) add_pixels<true>(t, x, gy, stop, t.pixels, sum);
  }
  STRIATE_UNROLL
  for (int o = 0; o < NO; ++o) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      float* to = t.sum + o * t.sum_filter + v * kLanes;
      store(to, load(to) + masked(t.images, sum[o][v]));
    }
  }
}

typedef void (*TileFunction)(const Tile&);

struct TileTable {
  TileFunction of[kFilters][kTaps] = {};  // [filters - 1][taps - 1]
};

template <int NO, int NV>
constexpr void fill_tiles(TileTable& table) {
  if constexpr (NO * NV <= kSums) table.of[NO - 1][NV - 1] = tile<NO, NV>;
  if constexpr (NV > 1) {
    fill_tiles<NO, NV - 1>(table);
  } else if constexpr (NO > 1) {
    fill_tiles<NO - 1, kTaps>(table);
  }
}

constexpr TileTable tiles() {
  TileTable table;
  fill_tiles<kFilters, kTaps>(table);
  return table;
}

constexpr TileTable kTiles = tiles();

bool fits(const ImageConvWeightShape&) {
  return true;
}

Needs needs(const ImageConvWeightShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.shared_floats = chunk_floats(s, p.chunks);
  needs.thread_floats = ceil_div(p.filters * (p.weights * kLanes + p.spread), 16) * 16;
  needs.phases = 2;
  needs.tasks[0] = p.chunks * p.groups;
  needs.tasks[1] = s.out_channels;
  return needs;
}

// A band of rows of a block of images: all taps of the filters that tile `t` begins with.
void add_band(const ImageConvWeightShape& s, const Plan& p, Tile t, const float* x, int64_t filters,
              int64_t first_row, int64_t stop_row) {
  const float *gy = t.gy, *const channels = x;
  for (int64_t u = 0; u < s.kernel[0]; ++u) {
    const int64_t down = u - s.padding[0];  // from a row of gy to that of x
    const int64_t first = most(first_row, -down), stop = least(stop_row, s.in[0] - down);
    t.rows = most(0, stop - first);
    t.gy = gy + first * t.gy_row;
    for (int64_t part = 0; part < p.tap_parts; ++part) {
      const int64_t v = cut(s.kernel[1], p.tap_parts, part);
      const int64_t taps = cut(s.kernel[1], p.tap_parts, part + 1) - v;
      t.from = v - s.padding[1];
      for (int64_t c = 0; c < s.in_channels; ++c) {
        t.x = channels + c * s.in_pixels() * kLanes + (first + down) * t.x_row + t.from * kLanes;
        float* const sums = t.sum;
        t.sum = sums + (c * s.taps() + u * s.kernel[1] + v) * kLanes;
        kTiles.of[filters - 1][taps - 1](t);
        t.sum = sums;
      }
    }
  }
}

void compute(const ImageConvWeightShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t chunk = task / p.groups, filter = task % p.groups * p.filters;
  const int64_t filters = least(p.filters, s.out_channels - filter);
  Tile t = {};
  t.pixels = s.out[1];
  t.width = s.in[1];
  t.x_row = s.in[1] * kLanes;
  t.gy_row = s.out[1] * kLanes;
  t.gy_filter = s.pool ? p.spread : s.out_pixels() * kLanes;
  t.sum = b.scratch;
  t.sum_filter = p.weights * kLanes;
  float* const gy = b.scratch + p.filters * t.sum_filter;  // of a band, where it was pooled
  for (int64_t i = 0; i < filters * p.weights; ++i) store(b.scratch + i * kLanes, Vector{});
  const int64_t stop = cut(p.blocks, p.chunks, chunk + 1);
  for (int64_t block = cut(p.blocks, p.chunks, chunk); block < stop; ++block) {
    t.images = first_lanes(used_lanes(s.batch, block));
    const int64_t given = s.given_pixels() * kLanes;
    const int64_t at = (block * s.out_channels + filter) * given;
    t.gy = b.in[1] + at;
    const float* x = b.in[0] + block * s.in_channels * s.in_pixels() * kLanes;
    for (int64_t band = 0; band < p.bands; ++band) {
      const int64_t row = cut(s.out[0], p.bands, band), end = cut(s.out[0], p.bands, band + 1);
      if (s.pool) {
        const uint8_t* const places = reinterpret_cast<const uint8_t*>(b.in[2]) + at;
        for (int64_t o = 0; o < filters; ++o) {
          const int64_t channel = o * given, sizes[] = {1, s.out[0], s.out[1]},
                        window[] = {1, 2, 2};
          spread({sizes, window, b.in[1] + at + channel, places + channel}, row * s.out[1],
                 (end - row) * s.out[1], gy + o * p.spread);
        }
        t.gy = gy - row * t.gy_row;
      }
      add_band(s, p, t, x, filters, row, end);
    }
  }
  for (int64_t o = 0; o < filters; ++o) {
    float* const sums = chunk_sums(s, b, chunk, filter + o);
    add_lanes(b.scratch + o * t.sum_filter, p.weights, sums);
    sums[p.weights] = s.bias ? sum_filter(s, b, filter + o, chunk, p.chunks) : 0;
  }
}

void run(const ImageConvWeightShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  for (int64_t task = first; task < stop; ++task) {
    if (phase == 0) {
      compute(s, p, b, task);
    } else {
      add_chunks(s, p.chunks, b, task);
    }
  }
}

}  // namespace

extern const Kernel<ImageConvWeightShape> image_conv_weight_taps;
const Kernel<ImageConvWeightShape> image_conv_weight_taps = {"taps", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
