// Winograd's convolution with plain weights: U = G g G' is made by the task that uses it.
//
// For many channels and few tiles (512 channels at 7x7 and 14x14): there winograd.hpp waits for
// its weights, 16/9 (F(2x2,3x3)) or 4 times (F(4x4,3x3)) the plain ones and in no cache when the
// next image comes. Making U again takes 16 ns a window and 8 outputs (F(4x4), AVX2), less than
// fetching what it saves, and two threads do it in half the time.
//
// A phase makes V of all tiles, of few the task that needs it. Then a task takes a group of pairs
// of output blocks, chunk after chunk of 32 input channels: of each pair it makes U (F(4x4): 74 KB)
// and adds the GEMMs of all products to Q, in L2 both; at last it transforms Q. Weights lie as they
// are read:
//
//   packed | group 0: chunk 0: pair 0: channel 0: tap 0: 2 x L outputs | tap 1 | ... | channel 1 ..
//
//   V      | tiles 0: chunk 0: product 0: block 0: tile 0: L channels | tile 1 | ... | block 1 ..
//   U      | product 0: channel 0: 2 x L outputs | channel 1 | ... | product 1 ..
//   Q      | pair 0: product 0: block 0: tile 0: L outputs | tile 1 | ... | block 1 ..
//
// With up to four tiles of F(4x4) U is not stored at all (winograd_windows.hpp).
#pragma once

#include "conv/kernels/winograd.hpp"
#include "conv/kernels/winograd_windows.hpp"

namespace striate::STRIATE_TARGET {

// Of fewer channels, loading and storing Q would take as long as multiplying.
constexpr int64_t kChunk = 32;
// For V of a chunk and Q of a group: with 512 KiB on 8 lanes, 512 at 28x28 takes 20 ms for 18.
constexpr int64_t kStreamedCache = kLanes * 32 * 1024;
// From product to product of U. A constant, or GCC keeps an address for each, most in memory.
constexpr int64_t kChunkWeights = kChunk * 2 * kLanes + 16;

struct StreamedPlan {
  WinogradPlan w;
  int64_t taps;  // of a window
  int64_t chunks;
  int64_t groups, group_pairs;       // groups of pairs, pairs of the largest
  int64_t tile_blocks, block_tiles;  // blocks of tiles, tiles of the largest
  int64_t v_stride, q_stride;        // floats from product to product
  int64_t v_chunk, q_pair;           // floats of a chunk's V, a pair's Q
};

template <int M, int R>
STRIATE_INLINE StreamedPlan streamed_plan(const ConvShape& s) {
  StreamedPlan p;
  p.w = winograd_plan<M, R>(s);
  p.taps = R * R;
  p.chunks = ceil_div(s.in_channels, kChunk);
  // Two threads have eight tasks and more. How weights are packed depends on channels alone.
  p.groups = ceil_div(p.w.out_pairs, most(1, least(4, p.w.out_pairs / 8)));
  p.group_pairs = ceil_div(p.w.out_pairs, p.groups);
  const int64_t tile_bytes = p.w.products * (kChunk + p.group_pairs * 2 * kLanes) * 4;
  const int64_t room = kStreamedCache / tile_bytes;
  p.tile_blocks = ceil_div(p.w.tiles, least(room, kWinogradMaxTiles));
  p.block_tiles = ceil_div(p.w.tiles, p.tile_blocks);
  p.v_stride = odd_lines(kChunk * p.block_tiles);
  p.q_stride = odd_lines(2 * kLanes * p.block_tiles);
  p.v_chunk = p.w.products * p.v_stride;
  p.q_pair = p.w.products * p.q_stride;
  return p;
}

STRIATE_INLINE int64_t chunk_channels(const ConvShape& s, int64_t chunk) {
  return least(kChunk, s.in_channels - chunk * kChunk);
}

STRIATE_INLINE WinogradRange group_pairs(const StreamedPlan& p, int64_t group) {
  return part_of(p.w.out_pairs, p.groups, group);
}

// Output blocks of a pair.
STRIATE_INLINE int64_t pair_blocks(const StreamedPlan& p, int64_t pair) {
  return least(2, p.w.out_blocks - 2 * pair);
}

// Whether U stays in registers: so few tiles that it would cost more than its products.
template <int M, int R>
STRIATE_INLINE bool few_tiles(const StreamedPlan& p) {
  return M == 4 && R == 3 && p.w.tiles <= kFewTiles;
}

// Whether each task makes V itself: of four tiles that takes 0.2 us a block of channels. Shared by
// two cores, half of its 9 KiB goes from each to the other, which takes 0.7 us, and a phase more.
template <int M, int R>
STRIATE_INLINE bool makes_own_inputs(const StreamedPlan& p) {
  return few_tiles<M, R>(p) && p.groups <= 4;
}

// V of a block of tiles and a chunk.
template <int M, int R>
static void make_chunk_inputs(const ConvShape& s, const StreamedPlan& p, const Buffers& b,
                              int64_t task, float* all) {
  const WinogradRange range = part_of(p.w.tiles, p.tile_blocks, task / p.chunks);
  WinogradTile tiles[kWinogradMaxTiles];
  locate_tiles(s, p.w, range, tiles);
  const int64_t chunk = task % p.chunks, blocks = ceil_div(chunk_channels(s, chunk), kLanes);
  const float* x = b.in[0] + chunk * (kChunk / kLanes) * p.w.x_block;
  float* const v = all + task * p.v_chunk;
  float* to = v;
  for (int64_t block = 0; block < blocks; ++block, x += p.w.x_block) {
    for (int64_t i = 0; i < range.count(); ++i, to += kLanes) {
      transform_input<M, R, true>(p.w, tiles[i], x, to, p.v_stride);
    }
  }
  if (few_tiles<M, R>(p)) scale_inputs<M + R - 1>(v, p.v_stride, to - v);
}

// Rows kFirst and behind of U = G g G', of a window and a vector of outputs. Those of points p and
// -p are made together, and g is read again for each: GCC would keep all, and spill (18 ns for 16).
template <int A, int R, int NV, int kFirst>
STRIATE_INLINE void make_weight_rows(const float* g, float* u) {
  constexpr int kStop = kFirst == 0 || kFirst == A - 1 ? kFirst + 1 : kFirst + 2;
  asm volatile("" ::: "memory");
  Vector rows[A][R];
  STRIATE_UNROLL
  for (int j = 0; j < R; ++j) {
    Vector line[R], r[A];
    STRIATE_UNROLL
    for (int i = 0; i < R; ++i) line[i] = load(g + (i * R + j) * NV * kLanes);
    weight_line(line, r);
    STRIATE_UNROLL
    for (int i = kFirst; i < kStop; ++i) rows[i][j] = r[i];
  }
  STRIATE_UNROLL
  for (int i = kFirst; i < kStop; ++i) {
    Vector r[A];
    weight_line(rows[i], r);
    STRIATE_UNROLL
    for (int j = 0; j < A; ++j) store(u + (i * A + j) * kChunkWeights, r[j]);
  }
  if constexpr (kStop < A) make_weight_rows<A, R, NV, kStop>(g, u);
}

// U of a chunk and a pair, or a single block.
template <int M, int R, int NV>
static void make_chunk_weights(const float* g, float* u, int64_t channels) {
  for (int64_t i = 0; i < channels; ++i, g += R * R * NV * kLanes, u += NV * kLanes) {
    for (int v = 0; v < NV; ++v) {
      make_weight_rows<M + R - 1, R, NV, 0>(g + v * kLanes, u + v * kLanes);
    }
  }
}

// Q of a chunk and a pair, or what it adds to that of the chunks before.
struct ChunkGemm {
  const float *v, *u, *next;  // next: weights to fetch meanwhile, as many as U was made of
  float* q;
  int64_t tiles, channels, vectors;
  bool accumulate;
};

static void multiply_chunk(const StreamedPlan& p, const ChunkGemm& g) {
  const int64_t parts = ceil_div(g.tiles, kTilePixels);
  const int64_t full = g.channels / kLanes, rest = g.channels % kLanes;
  const int64_t lines =
      ceil_div(p.taps * g.channels * g.vectors * kLanes, kLineFloats * p.w.products);
  GemmTile t = {};
  t.a_block = t.c_vector = g.tiles * kLanes;
  for (int64_t product = 0; product < p.w.products; ++product) {
    const float* next = g.next + product * lines * kLineFloats;
    for (int64_t i = 0; i < lines; ++i) fetch_line(next + i * kLineFloats);
    for (int64_t m = 0; m < parts; ++m) {
      const int64_t from = cut(g.tiles, parts, m), to = cut(g.tiles, parts, m + 1);
      const GemmFunction run = gemm_function(g.vectors, to - from);
      t.a = g.v + product * p.v_stride + from * kLanes;
      t.w = g.u + product * kChunkWeights;
      t.c = g.q + product * p.q_stride + from * kLanes;
      t.accumulate = g.accumulate;
      if (full > 0) {
        t.blocks = full;
        t.depth = kLanes;
        run(t);
        t.accumulate = true;
      }
      if (rest > 0) {
        t.a += full * t.a_block;
        t.w += full * kLanes * g.vectors * kLanes;
        t.blocks = 1;
        t.depth = rest;
        run(t);
      }
    }
  }
}

// The same of few tiles with F(4x4), from the chunk's filters.
static void multiply_few(const ChunkGemm& c, const float* g) {
  static constexpr void (*kMultiply[kFewTiles])(const WindowProducts&) = {
      multiply_windows<6, 1, kChunk>, multiply_windows<6, 2, kChunk>,
      multiply_windows<6, 3, kChunk>, multiply_windows<6, 4, kChunk>};
  WindowProducts w;
  w.tap = c.vectors * kLanes;
  w.v = c.v;
  w.channels = c.channels;
  w.accumulate = c.accumulate;
  for (int i = 0; i < 2; ++i) {
    w.point[i] = broadcast(InputRows<6>::kPoints[i]);
    w.square[i] = w.point[i] * w.point[i];
  }
  const int64_t passes = 12 / pass_pairs(c.tiles);
  w.lines = ceil_div(9 * kLanes, kLineFloats * passes);
  for (int64_t i = 0; i < c.vectors; ++i) {
    w.g = g + i * kLanes;
    w.q = c.q + i * c.tiles * kLanes;
    w.next = c.next + i * c.channels * 9 * kLanes;
    kMultiply[c.tiles - 1](w);
  }
}

// y of a block of tiles and a group of pairs.
template <int M, int R>
static void make_group_outputs(const ConvShape& s, const StreamedPlan& p, const Buffers& b,
                               int64_t task, const float* all) {
  const int64_t part = task % p.tile_blocks;
  const WinogradRange range = part_of(p.w.tiles, p.tile_blocks, part);
  const WinogradRange pairs = group_pairs(p, task / p.tile_blocks);
  float* const u = b.scratch;
  float* const q = u + p.w.products * kChunkWeights;
  const float* g = b.weight[0] + pairs.first * p.taps * s.in_channels * 2 * kLanes;
  for (int64_t chunk = 0; chunk < p.chunks; ++chunk) {
    for (int64_t pair = pairs.first; pair < pairs.stop; ++pair) {
      ChunkGemm c;
      c.channels = chunk_channels(s, chunk);
      c.vectors = pair_blocks(p, pair);
      c.v = all + (part * p.chunks + chunk) * p.v_chunk;
      c.u = u;
      c.q = q + (pair - pairs.first) * p.q_pair;
      c.tiles = range.count();
      c.accumulate = chunk > 0;
      const float* const filters = g;
      g += p.taps * c.channels * c.vectors * kLanes;
      c.next = g;
      if (few_tiles<M, R>(p)) {
        multiply_few(c, filters);
        continue;
      }
      const auto make_weights =
          c.vectors == 2 ? make_chunk_weights<M, R, 2> : make_chunk_weights<M, R, 1>;
      make_weights(filters, u, c.channels);
      multiply_chunk(p, c);
    }
  }
  WinogradTile tiles[kWinogradMaxTiles];
  locate_tiles(s, p.w, range, tiles);
  for (int64_t pair = pairs.first; pair < pairs.stop; ++pair) {
    const float* from = q + (pair - pairs.first) * p.q_pair;
    for (int64_t i = 0; i < pair_blocks(p, pair); ++i) {
      const WinogradEnd end = output_end(s, p.w, b, 2 * pair + i);
      for (int64_t tile = 0; tile < range.count(); ++tile, from += kLanes) {
        transform_output<M, R, true>(s, p.w, tiles[tile], from, p.q_stride, end, 0);
      }
    }
  }
}

// A chunk of a group of pairs.
static void pack_chunk(const ConvShape& s, const StreamedPlan& p, const Filters& f, int64_t group,
                       int64_t chunk, float* to) {
  const WinogradRange pairs = group_pairs(p, group);
  const int64_t first = chunk * kChunk, channels = chunk_channels(s, chunk);
  for (int64_t pair = pairs.first; pair < pairs.stop; ++pair) {
    pack_pair(s, f, pair, first, first + channels, to);
    to += channels * p.taps * pair_blocks(p, pair) * kLanes;
  }
}

// A row of the table: F(M,R) in the plane, where V is no larger than the weights.
template <int M, int R>
struct StreamedWinograd {
  static bool fits(const ConvShape& s) {
    if (!Winograd<M, R>::fits(s) || line_axis(s, R) >= 0 || s.kernel[0] > 1) return false;
    const WinogradPlan w = winograd_plan<M, R>(s);
    return w.products * w.tiles <= R * R * s.out_channels;
  }
  static Needs needs(const ConvShape& s, int) {
    const StreamedPlan p = streamed_plan<M, R>(s);
    Needs needs;
    needs.weight_floats = p.taps * s.in_channels * p.w.out_blocks * kLanes;
    needs.pack_tasks = p.groups * p.chunks;
    needs.thread_floats = p.w.products * kChunkWeights + p.group_pairs * p.q_pair;
    const int64_t v_floats = p.tile_blocks * p.chunks * p.v_chunk;
    if (makes_own_inputs<M, R>(p)) {
      needs.thread_floats += v_floats;
      needs.tasks[0] = p.groups;
      return needs;
    }
    needs.shared_floats = v_floats;
    needs.phases = 2;
    needs.tasks[0] = p.tile_blocks * p.chunks;
    needs.tasks[1] = p.tile_blocks * p.groups;
    return needs;
  }
  static void pack(const ConvShape& s, const Filters& f, float* packed, int64_t first,
                   int64_t stop) {
    const StreamedPlan p = streamed_plan<M, R>(s);
    for (int64_t task = first; task < stop; ++task) {
      const int64_t group = task / p.chunks, chunk = task % p.chunks;
      const WinogradRange pairs = group_pairs(p, group);
      const int64_t before = 2 * pairs.first * s.in_channels;  // blocks of outputs, times channels
      const int64_t blocks = least(2 * pairs.stop, p.w.out_blocks) - 2 * pairs.first;
      const int64_t rows = before + blocks * chunk * kChunk;
      pack_chunk(s, p, f, group, chunk, packed + rows * p.taps * kLanes);
    }
  }
  static void run(const ConvShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
    const StreamedPlan p = streamed_plan<M, R>(s);
    const bool own = makes_own_inputs<M, R>(p);
    float* const v =
        own ? b.scratch + p.w.products * kChunkWeights + p.group_pairs * p.q_pair : b.shared;
    if (phase == 0) {
      const int64_t from = own ? 0 : first, to = own ? p.chunks : stop;
      for (int64_t task = from; task < to; ++task) make_chunk_inputs<M, R>(s, p, b, task, v);
      if (!own) return;
    }
    for (int64_t task = first; task < stop; ++task) make_group_outputs<M, R>(s, p, b, task, v);
  }
};

}  // namespace striate::STRIATE_TARGET
