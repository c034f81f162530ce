// Any filter, stride, dilation, padding, 1D to 3D, on blocked maps: tiles of a block's channels of
// x by vectors of channels of gy, tap by tap.
//
// A task has a chunk of the bands for a range of channels of each map. Its partial sums
//
//   partial[vectors of gy, up to 3][block of x][channel of the block][tap][vector][lane]
//
// stay in L2, as does a band of its channels of x; three vectors of a band of gy stay in L1 for all
// blocks and taps. They are added up over the chunks, if there are several, and turned to the plain
// layout.
//
// Of pointwise layers the maps may change places: rows of gw are then written as they are summed.
//
// Groups of fewer channels than a vector are merged, and what would lead from one to the other is
// computed and thrown away: 32 groups of 4 channels are 16 of 8, for twice the multiply-adds.
#include "conv_weight/kernels/ahead.hpp"
#include "conv_weight/kernels/parts.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr TileTable kTiles = tiles<true>();

bool fits(const ConvWeightShape& s) {
  return !s.plain_input && !s.norm && merged_groups(s) <= kMostMerged;
}

int64_t all_blocks(int64_t channels) {
  return ceil_div(channels, kLanes);
}

Needs needs(const ConvWeightShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.shared_floats = p.x_floats + p.gy_floats;
  int phase = 0;
  if (p.images > 1) {
    needs.tasks[phase++] = p.s.batch * (all_blocks(p.s.in_channels) + all_blocks(p.s.out_channels));
  }
  needs.tasks[phase++] = p.parts * p.chunks;
  if (p.chunks > 1) {
    needs.shared_floats += p.chunks * p.parts * p.part_floats;
    needs.tasks[phase++] = p.parts * ceil_div(p.blocks, p.block_ranges);
  } else {
    needs.thread_floats = p.part_floats;
  }
  needs.phases = phase;
  return needs;
}

// The map that is read as x, or else as gy.
const float* map_of(const Plan& p, const Buffers& b, bool x) {
  return b.in[x != p.turned ? 0 : 1];
}

// Put the images of a group side by side: a block of x, or of gy.
void gather(const Plan& p, const Buffers& b, int64_t task) {
  const ConvWeightShape& s = p.given;
  const int64_t x_blocks = all_blocks(s.in_channels), gy_blocks = all_blocks(s.out_channels);
  const int64_t group = task / (x_blocks + gy_blocks), i = task % (x_blocks + gy_blocks);
  const bool x = i < x_blocks;
  const int64_t block = x ? i : i - x_blocks, pixels = x ? s.in_pixels() : s.out_pixels();
  const int64_t stride = x ? s.x_batch_stride : s.y_batch_stride, first = group * p.images;
  float* const to =
      b.shared + (x ? group * p.s.x_batch_stride : p.x_floats + group * p.s.y_batch_stride);
  gather_block(map_of(p, b, x) + first * stride + block * pixels * kLanes, stride, pixels,
               s.batch - first, p.images, to + block * pixels * p.images * kLanes);
}

// The rows of a band that tap (u, v) finds in the map.
int64_t list_rows(const ConvWeightShape& s, const Band& band, int64_t u, int64_t v, TileRow* rows) {
  int64_t count = 0;
  for (int64_t n = band.first_image; n < band.stop_image; ++n) {
    int64_t plane = band.first_row / s.out[1], row = band.first_row % s.out[1];
    for (int64_t r = band.first_row; r < band.stop_row; ++r, ++row) {
      if (row == s.out[1]) {
        row = 0;
        ++plane;
      }
      const int64_t z = plane * s.stride[0] - s.padding[0] + u * s.dilation[0];
      const int64_t y = row * s.stride[1] - s.padding[1] + v * s.dilation[1];
      if (z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1]) continue;
      rows[count].x = n * s.x_batch_stride + (z * s.in[1] + y) * s.in[2] * kLanes;
      rows[count++].gy = n * s.y_batch_stride + r * s.out[2] * kLanes;
    }
  }
  return count;
}

// Leave the places of the band's rows whose tap w lies beside the map; the first one's floats from
// the start of a row.
int64_t list_places(const ConvWeightShape& s, const Band& band, int64_t w, Tile& t, int64_t* gy) {
  const int64_t from = w * s.dilation[2] - s.padding[2];  // of place 0
  const int64_t stride = s.stride[2], last = s.in[2] - 1 - from;
  const int64_t first = most(band.first_column, from < 0 ? ceil_div(-from, stride) : 0);
  const int64_t stop = last < 0 ? first : least(band.stop_column, last / stride + 1);
  t.places = stop - first;
  *gy = first * kLanes;
  return (first * stride + from) * kLanes;
}

// One set of vectors by a range of blocks, over a band.
void add_band(const Plan& p, const Band& band, Tile t, int64_t vectors, int64_t first_block,
              int64_t stop_block, float* partial, Ahead& next_x, Ahead& next_gy) {
  const ConvWeightShape& s = p.s;
  TileRow rows[kBandPlaces];
  t.rows = rows;
  t.sum_step = s.taps() * vectors * kLanes;
  const float *x = t.x, *gy = t.gy;
  const TileFunction* const of = kTiles.of[vectors - 1];
  int64_t tap = 0;
  for (int64_t u = 0; u < s.kernel[0]; ++u) {
    for (int64_t v = 0; v < s.kernel[1]; ++v) {
      t.row_count = list_rows(s, band, u, v, rows);
      for (int64_t w = 0; w < s.kernel[2]; ++w, ++tap) {
        int64_t gy_first;
        const int64_t x_first = list_places(s, band, w, t, &gy_first);
        if (t.places <= 0 || t.row_count == 0) continue;
        t.gy = gy + gy_first;
        for (int64_t block = first_block; block < stop_block; ++block) {
          const int64_t used = used_lanes(p.channels, block);
          const int64_t parts = ceil_div(used, tile_numbers(vectors));
          const float* cell = x + x_first + block * s.in_pixels() * kLanes;
          float* sum =
              partial + ((block - first_block) * kLanes * s.taps() + tap) * vectors * kLanes;
          for (int64_t part = 0; part < parts; ++part) {
            const int64_t k = cut(used, parts, part);
            t.x = cell + k;
            t.sum = sum + k * t.sum_step;
            of[cut(used, parts, part + 1) - k - 1](t);
            fetch(next_x);
            fetch(next_gy);
          }
        }
      }
    }
  }
}

void add_bias(const Plan& p, const Band& band, Tile t, int64_t vectors, float* sums) {
  TileRow rows[kBandPlaces];
  t.rows = rows;
  t.row_count = 0;
  for (int64_t n = band.first_image; n < band.stop_image; ++n) {
    for (int64_t r = band.first_row; r < band.stop_row; ++r) {
      const int64_t place = r * p.s.out[2] + band.first_column;
      rows[t.row_count++].gy = n * p.s.y_batch_stride + place * kLanes;
    }
  }
  t.places = band.stop_column - band.first_column;
  sum_places(t, vectors, sums);
}

// The partial sums of a part over a chunk of the bands.
void compute(const Plan& p, const Buffers& b, const Part& part, int64_t chunk, float* sums) {
  const ConvWeightShape& s = p.s;
  const float* const x = p.images > 1 ? b.shared : map_of(p, b, true);
  const float* const gy = p.images > 1 ? b.shared + p.x_floats : map_of(p, b, false);
  const int64_t x_block = s.in_pixels() * kLanes, gy_vector = s.out_pixels() * kLanes;
  const bool bias = s.bias && part.first_block == 0;
  clear(sums, p.part_floats);
  Tile t = {};
  t.x = x + part.group * p.blocks * x_block;
  t.x_step = s.stride[2] * kLanes;
  t.gy_vector = gy_vector;
  const int64_t tiles = 2 * s.taps() * part.blocks();  // of a set, or more
  const int64_t count = p.bands.count(), stop = cut(count, p.chunks, chunk + 1);
  for (int64_t i = cut(count, p.chunks, chunk); i < stop; ++i) {
    const Band band = band_of(s, p.bands, s.out[0], i);
    const Band next = band_of(s, p.bands, s.out[0], i + 1 < stop ? i + 1 : i);
    Ahead next_x;
    if (pointwise(s) && i + 1 < stop) {
      next_x = fetch_band(t.x + part.first_block * x_block, s.x_batch_stride, x_block,
                          part.blocks(), s.in[2], next, tiles * (part.stop_set - part.first_set));
    }
    for (int64_t set = part.first_set; set < part.stop_set; ++set) {
      const int64_t vector = p.first_vector(set), vectors = p.first_vector(set + 1) - vector;
      const bool last = set + 1 == part.stop_set;
      const int64_t after = last ? part.first_set : set + 1, then = p.first_vector(after);
      Ahead next_gy =
          fetch_band(gy + (part.group * p.vectors + then) * gy_vector, s.y_batch_stride, gy_vector,
                     p.first_vector(after + 1) - then, s.out[2], last ? next : band, tiles);
      t.gy = gy + (part.group * p.vectors + vector) * gy_vector;
      if (bias) add_bias(p, band, t, vectors, sums + bias_place(p, part, vector));
      add_band(p, band, t, vectors, part.first_block, part.stop_block,
               sums + place(p, part, set, part.first_block), next_x, next_gy);
    }
  }
}

bool past(const Plan& p) {
  return p.s.in_channels / p.s.groups * p.s.out_channels * p.s.taps() >= kPastFloats;
}

// The weights of outputs first .. stop-1 of a group, of the block's channels that they read.
void write_weights(const Plan& p, float* gw, int64_t group, int64_t block, int64_t first,
                   int64_t stop, const float* sums, int64_t step) {
  const int64_t channels = p.s.in_channels / p.s.groups, outputs = p.s.out_channels / p.s.groups;
  const int64_t taps = p.s.taps();
  for (int64_t o = first, next = first; o < stop; o = next) {
    // Of merged groups, the one that o belongs to.
    const int64_t own = o / outputs * channels;
    next = least(stop, (o / outputs + 1) * outputs);
    const int64_t begin = most(own, block * kLanes);
    const int64_t end = least(own + channels, (block + 1) * kLanes);
    if (begin >= end) continue;
    float* to = gw + ((group * p.outputs + o) * channels + begin - own) * taps;
    const float* const from = sums + (begin - block * kLanes) * taps * step;
    const int64_t count = (end - begin) * taps, row = channels * taps;
    if (past(p)) {
      turn<true>(from, step, count, o - first, next - first, to, row);
    } else {
      turn<false>(from, step, count, o - first, next - first, to, row);
    }
  }
}

// Vectors first .. stop - 1 of a block's rows, of a turned layer.
void write_rows(const Plan& p, float* gw, int64_t block, int64_t first, int64_t stop,
                const float* sums) {
  const int64_t rows = used_lanes(p.channels, block);
  const bool far = past(p);
  for (int64_t k = 0; k < rows; ++k) {
    float* const row = gw + (block * kLanes + k) * p.outputs;
    for (int64_t v = first; v < stop; ++v, sums += kLanes) {
      const int64_t used = used_lanes(p.outputs, v);
      float* const to = row + v * kLanes;
      if (used < kLanes) {
        store_first(to, load(sums), used);
      } else if (far) {
        stream(to, load(sums));
      } else {
        store_unaligned(to, load(sums));
      }
    }
  }
}

// Partial sums of all chunks, behind the gathered maps.
float* chunk_sums(const Plan& p, const Buffers& b) {
  return b.shared + p.x_floats + p.gy_floats;
}

// Write one block of a part in the plain layout; `chunks` partial sums, `apart` floats apart.
void finish(const Plan& p, const Buffers& b, const Part& part, int64_t block, float* sums,
            int64_t chunks, int64_t apart) {
  for (int64_t set = part.first_set; set < part.stop_set; ++set) {
    const int64_t vector = p.first_vector(set), vectors = p.first_vector(set + 1) - vector;
    float* const own = sums + place(p, part, set, block);
    add_chunks(own, vectors * p.cell_floats(), chunks, apart);
    if (p.turned) {
      write_rows(p, b.out[0], block, vector, vector + vectors, own);
      continue;
    }
    for (int64_t v = 0; v < vectors; ++v) {
      const int64_t first = (vector + v) * kLanes, stop = least(p.outputs, first + kLanes);
      write_weights(p, b.out[0], part.group, block, first, stop, own + v * kLanes,
                    vectors * kLanes);
    }
  }
  if (!p.s.bias || block > 0) return;
  const int64_t vector = p.first_vector(part.first_set), stop = p.first_vector(part.stop_set);
  float* const bias = sums + bias_place(p, part, vector);
  add_chunks(bias, (stop - vector) * kLanes, chunks, apart);
  const int64_t count = least(stop * kLanes, p.outputs) - vector * kLanes;
  float* const gb = b.out[1] + part.group * p.outputs + vector * kLanes;
  for (int64_t i = 0; i < count; ++i) gb[i] = bias[i];
}

void compute_task(const Plan& p, const Buffers& b, int64_t task) {
  const int64_t chunk = task % p.chunks, i = task / p.chunks;
  const Part part = part_of(p, i);
  if (p.chunks > 1) {
    compute(p, b, part, chunk, chunk_sums(p, b) + (chunk * p.parts + i) * p.part_floats);
    return;
  }
  compute(p, b, part, 0, b.scratch);
  for (int64_t block = part.first_block; block < part.stop_block; ++block) {
    finish(p, b, part, block, b.scratch, 1, 0);
  }
}

void finish_task(const Plan& p, const Buffers& b, int64_t task) {
  const int64_t most_blocks = ceil_div(p.blocks, p.block_ranges), i = task / most_blocks;
  const Part part = part_of(p, i);
  const int64_t block = part.first_block + task % most_blocks;
  if (block >= part.stop_block) return;
  finish(p, b, part, block, chunk_sums(p, b) + i * p.part_floats, p.chunks,
         p.parts * p.part_floats);
}

void run(const ConvWeightShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  const int step = p.images > 1 ? phase : phase + 1;
  for (int64_t task = first; task < stop; ++task) {
    if (step == 0) {
      gather(p, b, task);
    } else {
      (step == 1 ? compute_task : finish_task)(p, b, task);
    }
  }
  settle();
}

}  // namespace

extern const Kernel<ConvWeightShape> conv_weight_direct;
const Kernel<ConvWeightShape> conv_weight_direct = {"direct", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
