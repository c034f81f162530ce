// 3x3 filters of stride 1 by Winograd's algorithm (winograd_tiles.hpp). Each of the 36 products of
// a tile is one of a pointwise convolution's gradient, with tiles for places.
//
// Of volumes a plane of the filter, a tap of the depth, meets each plane of x with one of gy. A
// plane's tiles are transformed once for all taps.
//
// A task has a chunk of the images' tiles, a run of them at a time, for a range of channels of each
// map: it transforms both into scratch, multiplies them, and adds up
//
//   partial[tap][product][vectors of gy, up to 3][block of x][channel of the block][vector][lane]
//
// The second phase adds up the chunks, transforms and turns them to the plain layout. Where there
// is but one chunk, the task does so at once, from its own scratch.
#include "conv_weight/kernels/bands.hpp"
#include "conv_weight/kernels/winograd_tiles.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr TileTable kTiles = tiles<true>();
constexpr int64_t kMostTaps = 4;  // of the depth
// Of a task, whose sums and a run's transformed maps share L2.
constexpr int64_t kBlocks = 4, kVectors = kLanes == 16 ? 6 : 9;
constexpr int64_t kRunFloats = 1 << 17, kLeastRun = 8, kMostRun = 32;  // tiles
constexpr int64_t kLeastRuns = 4;  // or scratch is most of a small network's memory

struct Plan {
  int64_t blocks, vectors, sets;  // of x and gy
  int64_t block_ranges, set_ranges, parts, chunks;
  int64_t taps;                       // of the depth
  int64_t rows, columns;              // tiles of a plane
  int64_t run, runs;                  // tiles at a time, at most; runs of those of all images
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
  p.taps = s.kernel[0];
  p.block_ranges = least(p.blocks, ceil_div(p.blocks * p.taps, kBlocks));
  p.set_ranges = ceil_div(p.vectors, kVectors);
  p.sets = p.set_ranges * ceil_div(ceil_div(p.vectors, p.set_ranges), kTileVectors);
  p.parts = p.block_ranges * p.set_ranges;
  p.rows = ceil_div(s.out[1], kTile);
  p.columns = ceil_div(s.out[2], kTile);
  p.part_blocks = ceil_div(p.blocks, p.block_ranges);
  p.part_vectors = p.first_vector(p.sets / p.set_ranges);
  const int64_t tile_floats = kProducts * (p.part_blocks + p.taps * p.part_vectors) * kLanes;
  const int64_t few = ceil_div(s.batch * p.tiles(), kLeastRuns);
  p.run = most(kLeastRun, least(least(kMostRun, few), kRunFloats / tile_floats));
  p.runs = ceil_div(s.batch * p.tiles(), p.run);
  p.chunks = chunks_of(p.runs, 2 * p.parts);  // 8 tasks do: sums are four times the weights
  p.x_product = p.part_blocks * p.run * kLanes + 16;
  p.gy_product = p.part_vectors * p.run * kLanes + 16;
  p.x_floats = kProducts * p.x_product;
  p.gy_floats = kProducts * p.gy_product;
  p.tap_floats = kProducts * p.part_blocks * kLanes * p.part_vectors * kLanes;
  p.part_floats = p.taps * p.tap_floats;
  if (s.bias) p.part_floats += p.part_vectors * kLanes;
  return p;
}

bool fits(const ConvWeightShape& s) {
  if (s.plain_input || s.norm || s.groups != 1 || s.kernel[0] > kMostTaps) return false;
  for (int i = 0; i < 3; ++i) {
    if (s.stride[i] != 1 || s.dilation[i] != 1 || (i > 0 && s.kernel[i] != 3)) return false;
  }
  // Transforms and shorter sums cost the direct kernel's 4 products to 1 down to 1.6, and where
  // channels are few, down to 2.7.
  return s.in_channels >= 8 && saves_products(s, s.in_channels < 16 ? 3 : 5);
}

// Floats of a run's transformed maps.
int64_t run_floats(const Plan& p) {
  return ceil_div(p.x_floats + p.taps * p.gy_floats, 16) * 16;
}

Needs needs(const ConvWeightShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.thread_floats = run_floats(p);
  needs.tasks[0] = p.parts * p.chunks;
  if (p.chunks == 1) {
    needs.thread_floats += ceil_div(p.part_floats, 16) * 16;
  } else {
    needs.shared_floats = p.chunks * p.parts * p.part_floats;
    needs.phases = 2;
    needs.tasks[1] = p.parts * p.part_blocks;
  }
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

// The products' factors lie `apart` floats from one another.
static void x_tile(const ConvWeightShape& s, const float* map, int64_t top, int64_t left, float* to,
                   int64_t apart) {
  alignas(64) float copy[kReach * kReach * kLanes];
  const Pixels x = pixels_of<kReach>(map, s.in[1], s.in[2], top, left, copy);
  Vector half[kReach][kReach];
  STRIATE_UNROLL
  for (int j = 0; j < kReach; ++j) {
    Vector d[kReach], v[kReach];
    STRIATE_UNROLL
    for (int i = 0; i < kReach; ++i) d[i] = load(x.first + i * x.row + j * kLanes);
    input_line(d, v);
    STRIATE_UNROLL
    for (int i = 0; i < kReach; ++i) half[i][j] = v[i];
  }
  STRIATE_UNROLL
  for (int i = 0; i < kReach; ++i) {
    Vector v[kReach];
    input_line(half[i], v);
    STRIATE_UNROLL
    for (int j = 0; j < kReach; ++j) store(to + (i * kReach + j) * apart, v[j]);
  }
}

// A tile of a plane, by its number among those of all images.
struct Place {
  int64_t n, top, left;
};

Place place_of(const Plan& p, int64_t tile) {
  const int64_t at = tile % p.tiles();
  return {tile / p.tiles(), at / p.columns * kTile, at % p.columns * kTile};
}

// Transform a run of tiles of a plane of x: [product][block][tile][lane].
void transform_x(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& part,
                 int64_t plane, int64_t first_tile, int64_t count) {
  const float* const x = b.in[0] + plane * s.in[1] * s.in[2] * kLanes;
  for (int64_t i = 0; i < count; ++i) {
    const Place at = place_of(p, first_tile + i);
    for (int64_t block = part.first_block; block < part.stop_block; ++block) {
      x_tile(s, x + at.n * s.x_batch_stride + block * s.in_pixels() * kLanes, at.top - s.padding[1],
             at.left - s.padding[2], b.scratch + ((block - part.first_block) * p.run + i) * kLanes,
             p.x_product);
    }
  }
}

// The same of gy: [product][vector][tile][lane]. Its places' sums are added to `bias`, if not null.
void transform_gy(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& part,
                  int64_t plane, int64_t first_tile, int64_t count, float* gys, float* bias) {
  const float* const gy = b.in[1] + plane * s.out[1] * s.out[2] * kLanes;
  const int64_t first_vector = p.first_vector(part.first_set);
  const int64_t stop_vector = p.first_vector(part.stop_set);
  for (int64_t i = 0; i < count; ++i) {
    const Place at = place_of(p, first_tile + i);
    for (int64_t v = first_vector; v < stop_vector; ++v) {
      gy_tile(gy + at.n * s.y_batch_stride + v * s.out_pixels() * kLanes, s.out[1], s.out[2],
              at.top, at.left, gys + ((v - first_vector) * p.run + i) * kLanes, p.gy_product,
              bias != nullptr ? bias + (v - first_vector) * kLanes : nullptr);
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
  t.gy_vector = p.run * kLanes;
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
          t.x = xs + (block - part.first_block) * p.run * kLanes + k;
          t.sum = sum + k * t.sum_step;
          kTiles.of[vectors - 1][cut(kLanes, parts, i + 1) - k - 1](t);
        }
      }
    }
  }
}

// A run of tiles, plane after plane of x. What planes of gy become waits for all taps.
void add_run(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& part,
             int64_t first, int64_t count, float* sums) {
  const auto gys_of = [&](int64_t plane) STRIATE_LAMBDA {
    return b.scratch + p.x_floats + plane % p.taps * p.gy_floats;
  };
  float* const bias = s.bias && part.first_block == 0 ? sums + bias_place(p) : nullptr;
  int64_t ready = 0;  // planes of gy
  const auto prepare = [&](int64_t stop) STRIATE_LAMBDA {
    for (; ready < least(stop, s.out[0]); ++ready) {
      transform_gy(s, p, b, part, ready, first, count, gys_of(ready), bias);
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

// Write one block of a part in the plain layout, from its sums and those of the other chunks.
void write_block(const ConvWeightShape& s, const Plan& p, const Buffers& b, const Part& part,
                 int64_t block, float* sums) {
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
  for (int64_t o = 0; o < count; ++o) b.out[1][vector * kLanes + o] = bias[o];
}

void compute(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t chunk = task % p.chunks, i = task / p.chunks;
  const Part part = part_of(p, i);
  float* const sums =
      p.chunks == 1 ? b.scratch + run_floats(p) : b.shared + (chunk * p.parts + i) * p.part_floats;
  clear(sums, p.part_floats);
  const int64_t tiles = s.batch * p.tiles(), stop = cut(p.runs, p.chunks, chunk + 1);
  for (int64_t run = cut(p.runs, p.chunks, chunk); run < stop; ++run) {
    const int64_t first = cut(tiles, p.runs, run), count = cut(tiles, p.runs, run + 1) - first;
    add_run(s, p, b, part, first, count, sums);
  }
  if (p.chunks > 1) return;
  for (int64_t block = part.first_block; block < part.stop_block; ++block) {
    write_block(s, p, b, part, block, sums);
  }
}

void finish(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t i = task / p.part_blocks;
  const Part part = part_of(p, i);
  const int64_t block = part.first_block + task % p.part_blocks;
  if (block < part.stop_block) write_block(s, p, b, part, block, b.shared + i * p.part_floats);
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
