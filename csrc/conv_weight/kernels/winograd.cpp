// 3x3 filters of stride 1 by Winograd's algorithm, F(3x3 weights, 2x2 places): 16 products for 36.
//
//   gw = A [ sum over tiles of (B d B^T) x (G g G^T) ] A^T
//
// d are the 4x4 pixels that a tile of 2x2 places reads, g is gy at these places. Each of the 16
// products of a tile is one of a pointwise convolution's gradient, with tiles for places.
//
//   B: d0 - d2, d1 + d2, d2 - d1, d1 - d3     G: g0, (g0 + g1) / 2, (g0 - g1) / 2, -g1
//   A: m0 + m1 + m2, m1 - m2, m1 + m2 + m3
//
// (Winograd 1980; Lavin and Gray 2016, arXiv:1509.09308, F(3x3, 2x2).)
//
// Of volumes a plane of the filter, a tap of the depth, meets each plane of x with one of gy. A
// plane's tiles are transformed once for all taps.
//
// A task has a chunk of the images' tiles, 32 at a time, for a range of channels of each map: it
// transforms both into scratch, multiplies them, and adds up
//
//   partial[tap][product][vectors of gy, up to 3][block of x][channel of the block][vector][lane]
//
// The second phase adds up the chunks, transforms and turns them to the plain layout.
#include "conv_weight/kernels/bands.hpp"
#include "conv_weight/kernels/chunks.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr TileTable kTiles = tiles<true>();
constexpr int64_t kProducts = 16, kRun = 32;  // tiles at a time
constexpr int64_t kMostTaps = 4;              // of the depth
// Of a task: with them a run's transformed maps and what they are summed into share L2.
constexpr int64_t kBlocks = 8, kVectors = 9;

struct Plan {
  int64_t blocks, vectors, sets;  // of x and gy
  int64_t block_ranges, set_ranges, parts, chunks;
  int64_t taps;                       // of the depth
  int64_t rows, columns, runs;        // tiles of a plane; runs of those of all images
  int64_t part_floats, tap_floats;    // sums of a part, and of a tap
  int64_t x_floats, gy_floats;        // a run's transformed maps
  int64_t part_blocks, part_vectors;  // of the largest part

  // Floats from product to product of a run: an odd number of lines, or 16 stores share a set of
  // L1.
  int64_t x_product, gy_product;

  int64_t tiles() const { return rows * columns; }
  int64_t first_vector(int64_t set) const { return cut(vectors, sets, set); }
};

Plan plan(const ConvWeightShape& s) {
  Plan p;
  p.blocks = ceil_div(s.in_channels, kLanes);
  p.vectors = ceil_div(s.out_channels, kLanes);
  p.sets = ceil_div(p.vectors, kTileVectors);
  p.taps = s.kernel[0];
  p.block_ranges = least(p.blocks, ceil_div(p.blocks * p.taps, kBlocks));
  p.set_ranges = ceil_div(p.sets, kVectors / kTileVectors);
  p.parts = p.block_ranges * p.set_ranges;
  p.rows = ceil_div(s.out[1], 2);
  p.columns = ceil_div(s.out[2], 2);
  p.runs = ceil_div(s.batch * p.tiles(), kRun);
  p.chunks = chunks_of(p.runs, p.parts);
  p.part_blocks = ceil_div(p.blocks, p.block_ranges);
  p.part_vectors = least(p.vectors, ceil_div(p.sets, p.set_ranges) * kTileVectors);
  p.x_product = p.part_blocks * kRun * kLanes + 16;
  p.gy_product = p.part_vectors * kRun * kLanes + 16;
  p.x_floats = kProducts * p.x_product;
  p.gy_floats = kProducts * p.gy_product;
  p.tap_floats = kProducts * p.part_blocks * kLanes * p.part_vectors * kLanes;
  p.part_floats = p.taps * p.tap_floats;
  if (s.bias) p.part_floats += p.part_vectors * kLanes;
  return p;
}

// Places along an axis at which taps lie inside the map, of all taps together.
int64_t products(const ConvWeightShape& s, int axis) {
  int64_t count = 0;
  for (int64_t tap = 0; tap < s.kernel[axis]; ++tap) {
    const int64_t from = tap - s.padding[axis];  // of place 0
    count += most(0, least(s.out[axis], s.in[axis] - from) - most(0, -from));
  }
  return count;
}

bool fits(const ConvWeightShape& s) {
  if (s.plain_input || s.norm || s.groups != 1 || s.kernel[0] > kMostTaps) return false;
  // With few channels the transforms take as long as the products: 16@32 by a fifth longer in all.
  const int64_t least_channels = least(s.in_channels, s.out_channels);
  if (least_channels < 16 || s.in_channels * s.out_channels * s.kernel[0] < 1024) return false;
  for (int i = 0; i < 3; ++i) {
    if (s.stride[i] != 1 || s.dilation[i] != 1 || (i > 0 && s.kernel[i] != 3)) return false;
  }
  // Transforms and shorter sums cost the direct kernel's 2.25 products to 1 down to 1.6.
  const int64_t tiles = ceil_div(s.out[1], 2) * ceil_div(s.out[2], 2);
  const int64_t planes = s.kernel[0] * s.out[0];
  return 8 * kProducts * tiles * planes <= 5 * products(s, 0) * products(s, 1) * products(s, 2);
}

Needs needs(const ConvWeightShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.shared_floats = p.chunks * p.parts * p.part_floats;
  needs.thread_floats = ceil_div(p.x_floats + p.taps * p.gy_floats, 16) * 16;
  needs.phases = 2;
  needs.tasks[0] = p.parts * p.chunks;
  needs.tasks[1] = p.parts * p.part_blocks;
  return needs;
}

struct Part {
  int64_t first_set, stop_set, first_block, stop_block;
};

Part part_of(const Plan& p, int64_t i) {
  const int64_t set = i % p.set_ranges, block = i / p.set_ranges;
  return {cut(p.sets, p.set_ranges, set), cut(p.sets, p.set_ranges, set + 1),
          cut(p.blocks, p.block_ranges, block), cut(p.blocks, p.block_ranges, block + 1)};
}

// Where the sums of a product, a set of vectors and a block begin among those of a part's tap.
int64_t place(const Plan& p, const Part& part, int64_t product, int64_t set, int64_t block) {
  const int64_t vector = p.first_vector(set), count = p.first_vector(set + 1) - vector;
  const int64_t first = vector - p.first_vector(part.first_set);
  const int64_t cell = kLanes * kLanes;
  return product * p.part_blocks * p.part_vectors * cell +
         (first * p.part_blocks + (block - part.first_block) * count) * cell;
}

int64_t bias_place(const Plan& p) {
  return p.taps * p.tap_floats;
}

// A pixel of a map of `height` by `width`; 0 outside.
STRIATE_INLINE Vector pixel(const float* map, int64_t height, int64_t width, int64_t y, int64_t x) {
  const bool inside = y >= 0 && y < height && x >= 0 && x < width;
  return inside ? load(map + (y * width + x) * kLanes) : Vector{};
}

STRIATE_INLINE void transform_line(Vector& d0, Vector& d1, Vector& d2, Vector& d3) {
  const Vector a = d0 - d2, b = d1 + d2, c = d2 - d1, d = d1 - d3;
  d0 = a;
  d1 = b;
  d2 = c;
  d3 = d;
}

// The products' factors lie `apart` floats from one another.
void x_tile(const ConvWeightShape& s, const float* map, int64_t top, int64_t left, float* to,
            int64_t apart) {
  Vector d[4][4];
  const bool inside = top >= 0 && left >= 0 && top + 4 <= s.in[1] && left + 4 <= s.in[2];
  STRIATE_UNROLL
  for (int i = 0; i < 4; ++i) {
    STRIATE_UNROLL
    for (int j = 0; j < 4; ++j) {
      d[i][j] = inside ? load(map + ((top + i) * s.in[2] + left + j) * kLanes)
                       : pixel(map, s.in[1], s.in[2], top + i, left + j);
    }
    transform_line(d[i][0], d[i][1], d[i][2], d[i][3]);
  }
  STRIATE_UNROLL
  for (int j = 0; j < 4; ++j) {
    transform_line(d[0][j], d[1][j], d[2][j], d[3][j]);
    STRIATE_UNROLL
    for (int i = 0; i < 4; ++i) store(to + (i * 4 + j) * apart, d[i][j]);
  }
}

void gy_tile(const ConvWeightShape& s, const float* map, int64_t top, int64_t left, float* to,
             int64_t apart) {
  const Vector half = broadcast(0.5f);
  Vector r[2][4];
  STRIATE_UNROLL
  for (int i = 0; i < 2; ++i) {
    const Vector a = pixel(map, s.out[1], s.out[2], top + i, left);
    const Vector b = pixel(map, s.out[1], s.out[2], top + i, left + 1);
    r[i][0] = a;
    r[i][1] = (a + b) * half;
    r[i][2] = (a - b) * half;
    r[i][3] = Vector{} - b;
  }
  STRIATE_UNROLL
  for (int j = 0; j < 4; ++j) {
    store(to + j * apart, r[0][j]);
    store(to + (4 + j) * apart, (r[0][j] + r[1][j]) * half);
    store(to + (8 + j) * apart, (r[0][j] - r[1][j]) * half);
    store(to + (12 + j) * apart, Vector{} - r[1][j]);
  }
}

// A tile of a plane, by its number among those of all images.
struct Place {
  int64_t n, top, left;
};

Place place_of(const Plan& p, int64_t tile) {
  const int64_t at = tile % p.tiles();
  return {tile / p.tiles(), at / p.columns * 2, at % p.columns * 2};
}

// Transform a run of tiles of a plane of x: [product][block][tile][lane].
void transform_x(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& part,
                 int64_t plane, int64_t first_tile, int64_t count) {
  const float* const x = b.in[0] + plane * s.in[1] * s.in[2] * kLanes;
  for (int64_t i = 0; i < count; ++i) {
    const Place at = place_of(p, first_tile + i);
    for (int64_t block = part.first_block; block < part.stop_block; ++block) {
      x_tile(s, x + at.n * s.x_batch_stride + block * s.in_pixels() * kLanes, at.top - s.padding[1],
             at.left - s.padding[2], b.scratch + ((block - part.first_block) * kRun + i) * kLanes,
             p.x_product);
    }
  }
}

// The same of gy: [product][vector][tile][lane].
void transform_gy(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& part,
                  int64_t plane, int64_t first_tile, int64_t count, float* gys) {
  const float* const gy = b.in[1] + plane * s.out[1] * s.out[2] * kLanes;
  const int64_t first_vector = p.first_vector(part.first_set);
  const int64_t stop_vector = p.first_vector(part.stop_set);
  for (int64_t i = 0; i < count; ++i) {
    const Place at = place_of(p, first_tile + i);
    for (int64_t v = first_vector; v < stop_vector; ++v) {
      gy_tile(s, gy + at.n * s.y_batch_stride + v * s.out_pixels() * kLanes, at.top, at.left,
              gys + ((v - first_vector) * kRun + i) * kLanes, p.gy_product);
    }
  }
}

// The products of what was transformed, added to a tap's sums.
void multiply(const Plan& p, const Buffers& b, const Part& part, const float* gy, int64_t count,
              float* sums) {
  const TileRow row = {0, 0};
  Tile t = {};
  t.rows = &row;
  t.row_count = 1;
  t.places = count;
  t.x_step = kLanes;
  t.gy_vector = kRun * kLanes;
  const int64_t first_vector = p.first_vector(part.first_set);
  for (int64_t product = 0; product < kProducts; ++product) {
    const float* xs = b.scratch + product * p.x_product;
    const float* gys = gy + product * p.gy_product;
    for (int64_t set = part.first_set; set < part.stop_set; ++set) {
      const int64_t vector = p.first_vector(set), vectors = p.first_vector(set + 1) - vector;
      t.gy = gys + (vector - first_vector) * t.gy_vector;
      t.sum_step = vectors * kLanes;
      const int64_t parts = ceil_div(kLanes, tile_numbers(static_cast<int>(vectors)));
      for (int64_t block = part.first_block; block < part.stop_block; ++block) {
        float* const sum = sums + place(p, part, product, set, block);
        for (int64_t i = 0; i < parts; ++i) {
          const int64_t k = cut(kLanes, parts, i);
          t.x = xs + (block - part.first_block) * kRun * kLanes + k;
          t.sum = sum + k * t.sum_step;
          kTiles.of[vectors - 1][cut(kLanes, parts, i + 1) - k - 1](t);
        }
      }
    }
  }
}

// gy's sums: of a tile's four places, product 5 has the mean (its G rows are both halves).
void add_bias(const Plan& p, const Part& part, const float* gys, int64_t count, float* sums) {
  const TileRow row = {0, 0};
  Tile t = {};
  t.gy = gys + 5 * p.gy_product;
  t.rows = &row;
  t.row_count = 1;
  t.places = count;
  t.gy_vector = kRun * kLanes;
  sum_places(t, p.first_vector(part.stop_set) - p.first_vector(part.first_set), sums);
}

// A run of tiles, plane after plane of x. What planes of gy become waits for all taps.
void add_run(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& part,
             int64_t first, int64_t count, float* sums) {
  const auto gys_of = [&](int64_t plane) STRIATE_LAMBDA {
    return b.scratch + p.x_floats + plane % p.taps * p.gy_floats;
  };
  int64_t ready = 0;  // planes of gy
  const auto prepare = [&](int64_t stop) STRIATE_LAMBDA {
    for (; ready < least(stop, s.out[0]); ++ready) {
      transform_gy(s, p, b, part, ready, first, count, gys_of(ready));
      if (!s.bias || part.first_block > 0) continue;
      add_bias(p, part, gys_of(ready), count, sums + bias_place(p));
    }
  };
  for (int64_t plane = 0; plane < s.in[0]; ++plane) {
    const int64_t last = plane + s.padding[0];  // of gy, that reads it: with the first tap
    const int64_t first_tap = most(0, last - s.out[0] + 1), stop_tap = least(p.taps, last + 1);
    if (first_tap >= stop_tap) continue;
    prepare(last + 1);
    transform_x(s, p, b, part, plane, first, count);
    for (int64_t tap = first_tap; tap < stop_tap; ++tap) {
      multiply(p, b, part, gys_of(last - tap), count, sums + tap * p.tap_floats);
    }
  }
  prepare(s.out[0]);
}

void compute(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t chunk = task % p.chunks, i = task / p.chunks;
  const Part part = part_of(p, i);
  float* const sums = b.shared + (chunk * p.parts + i) * p.part_floats;
  clear(sums, p.part_floats);
  const int64_t tiles = s.batch * p.tiles(), stop = cut(p.runs, p.chunks, chunk + 1);
  for (int64_t run = cut(p.runs, p.chunks, chunk); run < stop; ++run) {
    const int64_t first = cut(tiles, p.runs, run), count = cut(tiles, p.runs, run + 1) - first;
    add_run(s, p, b, part, first, count, sums);
  }
}

// The 9 weights of each lane from its 16 sums, which lie `apart` floats from one another.
STRIATE_INLINE void weights_of(const float* sums, int64_t apart, Vector (&w)[9]) {
  Vector r[3][4];
  STRIATE_UNROLL
  for (int j = 0; j < 4; ++j) {
    const Vector m0 = load(sums + j * apart), m1 = load(sums + (4 + j) * apart);
    const Vector m2 = load(sums + (8 + j) * apart), m3 = load(sums + (12 + j) * apart);
    r[0][j] = m0 + m1 + m2;
    r[1][j] = m1 - m2;
    r[2][j] = m1 + m2 + m3;
  }
  STRIATE_UNROLL
  for (int i = 0; i < 3; ++i) {
    w[i * 3] = r[i][0] + r[i][1] + r[i][2];
    w[i * 3 + 1] = r[i][1] - r[i][2];
    w[i * 3 + 2] = r[i][1] + r[i][2] + r[i][3];
  }
}

// Write one block of a part in the plain layout.
void finish(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t i = task / p.part_blocks;
  const Part part = part_of(p, i);
  const int64_t block = part.first_block + task % p.part_blocks;
  if (block >= part.stop_block) return;
  float* const sums = b.shared + i * p.part_floats;
  const int64_t between = p.parts * p.part_floats, used = used_lanes(s.in_channels, block);
  const int64_t apart = p.part_blocks * p.part_vectors * kLanes * kLanes;
  const int64_t channel = 9 * p.taps, row = s.in_channels * channel;  // floats of plain weights
  const bool past = row * s.out_channels >= kPastFloats;
  alignas(64) float weights[9 * kMostTaps * kLanes * kLanes];
  for (int64_t set = part.first_set; set < part.stop_set; ++set) {
    const int64_t vector = p.first_vector(set), vectors = p.first_vector(set + 1) - vector;
    for (int64_t i = 0; i < p.taps * kProducts; ++i) {
      const int64_t at = i / kProducts * p.tap_floats + place(p, part, i % kProducts, set, block);
      add_chunks(sums + at, kLanes * vectors * kLanes, p.chunks, between);
    }
    for (int64_t v = 0; v < vectors; ++v) {
      const float* const own = sums + place(p, part, 0, set, block) + v * kLanes;
      for (int64_t i = 0; i < used * p.taps; ++i) {
        Vector w[9];
        weights_of(own + i % p.taps * p.tap_floats + i / p.taps * vectors * kLanes, apart, w);
        STRIATE_UNROLL
        for (int k = 0; k < 9; ++k) store(weights + (i * 9 + k) * kLanes, w[k]);
      }
      const int64_t o = (vector + v) * kLanes, stop = used_lanes(s.out_channels, vector + v);
      float* const to = b.out[0] + o * row + block * kLanes * channel;
      if (past) {
        turn<true>(weights, kLanes, used * channel, 0, stop, to, row);
      } else {
        turn<false>(weights, kLanes, used * channel, 0, stop, to, row);
      }
    }
  }
  if (!s.bias || block > 0) return;
  const int64_t vector = p.first_vector(part.first_set), stop = p.first_vector(part.stop_set);
  float* const bias = sums + bias_place(p);
  add_chunks(bias, (stop - vector) * kLanes, p.chunks, between);
  const int64_t count = least(stop * kLanes, s.out_channels) - vector * kLanes;
  for (int64_t o = 0; o < count; ++o) b.out[1][vector * kLanes + o] = 4 * bias[o];
}

void run(const ConvWeightShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  for (int64_t task = first; task < stop; ++task) (phase == 0 ? compute : finish)(s, p, b, task);
  settle();
}

}  // namespace

extern const Kernel<ConvWeightShape> conv_weight_winograd;
const Kernel<ConvWeightShape> conv_weight_winograd = {"winograd", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
