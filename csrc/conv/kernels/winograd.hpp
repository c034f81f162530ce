// Winograd's convolution: R = 3 or 5 taps along one axis or two, stride 1, any dilation, padding.
//
//   V = B' x B of every tile and input channel; for every product: Q = sum over channels of V U;
//   y = f(A' Q A + bias + residual)
//
// Weights are packed transformed, U = G g G', in panels for the GEMM of gemm.hpp, one for a
// product and a pair of output channel blocks (or a single last one):
//
//   panel    | tap 0, channel 0: 2 x L outputs | channel 1 | ... | tap 1, channel 0 | ...
//   packed   | product 0: pair 0 | pair 1 | ... | product 1: pair 0 | ...
//
// V and Q hold for each product a map like the blocked maps' channels, tiles in place of pixels;
// products lie `v_stride`, `q_stride` apart:
//
//   V  | slice 0: block 0: tile 0: L channels | tile 1 | ... | block 1: ... | slice 1: ...
//   Q  | slice 0: block 0: tile 0: L channels | ...            the slices are depths of 3x3x3
//
// Two schedules. *In blocks*: a task takes a block of tiles and does all: V of all channels, each
// product's GEMM, all outputs. V and Q lie in the core's L2; nothing is waited for; the weights
// are read once a block, from L3. Product by product is 3 to 10 % quicker than pair by pair, with
// Q of one pair only: a product's V comes from L2 once, not once a pair. *In phases*, for many
// weights or few tiles (14x14 and less): V of all tiles, then the GEMMs, a task a product of a
// group of pairs, then all outputs: the weights are read once altogether.
#pragma once

#include "conv/kernels/filters.hpp"
#include "conv/kernels/gemm.hpp"
#include "conv/kernels/winograd_transforms.hpp"

namespace striate::STRIATE_TARGET {

// The GEMM of one product and pair of blocks: slices x tiles of V to those of Q.
struct WinogradGemm {
  const float *v, *u, *next, *next_stop;
  float* q;
  int64_t tiles;
  int64_t parts, each, rest;  // microtiles of `each` tiles, the first `rest` of one more
  int64_t next_lines;         // of the next panel, to fetch at kGemmSteps channels of a part
  int64_t q_block, q_slice;   // floats from block to block, slice to slice of Q
  int64_t vectors;            // blocks in the pair
  WinogradRange slices, in_slices;
};

// The depth's taps whose slices lie in the map, for outputs of slice z.
STRIATE_INLINE WinogradRange real_taps(const WinogradPlan& w, const WinogradGemm& g, int64_t z) {
  if (w.taps == 1) return {0, 1};
  const int64_t behind = g.in_slices.first - (z - w.depth_padding);
  const int64_t left = g.in_slices.stop - (z - w.depth_padding);
  const int64_t first = most(0, ceil_div(most(behind, 0), w.depth_dilation));
  return {first, most(first, least(w.taps, ceil_div(most(left, 0), w.depth_dilation)))};
}

static void multiply(const ConvShape& s, const WinogradPlan& w, const WinogradGemm& g) {
  const int64_t a_block = g.tiles * kLanes, a_slice = w.in_blocks * a_block;
  const int64_t row = g.vectors * kLanes;
  GemmTile t;  // {} would call for `rep stos`, as slow as a few channels' products
  t.a_block = a_block;
  t.c_vector = g.q_block;
  t.bias = t.residual = t.next = t.next_stop = nullptr;
  t.clamp = false;
  t.next_lines = 0;
  for (int64_t z = g.slices.first; z < g.slices.stop; ++z) {
    const WinogradRange taps = real_taps(w, g, z);
    const int64_t slice = z - w.depth_padding + taps.first * w.depth_dilation - g.in_slices.first;
    const float* a = g.v + slice * a_slice;
    const float* u = g.u + taps.first * s.in_channels * row;
    const bool together = w.depth_dilation == 1 && (w.in_full == 0 || w.in_rest == 0);
    const int64_t calls = together ? 1 : taps.count();
    t.c = g.q + (z - g.slices.first) * g.q_slice;
    const float* next = g.next;
    for (int64_t m = 0; m < g.parts; ++m) {
      const int64_t count = g.each + (m < g.rest);
      const GemmFunction run = gemm_function(g.vectors, count);
      t.accumulate = false;
      if (together || calls == 0) {
        t.a = a;
        t.w = u;
        t.blocks = taps.count() * w.in_blocks;
        t.depth = w.in_rest == 0 ? kLanes : w.in_rest;
        t.next_lines = g.next_lines;
        t.next = next;
        t.next_stop = g.next_stop;
        run(t);
        next += g.next_lines * t.blocks * (kLanes / kGemmSteps) * kLineFloats;
      }
      for (int64_t tap = 0; !together && tap < calls; ++tap) {
        t.a = a + tap * w.depth_dilation * a_slice;
        t.w = u + tap * s.in_channels * row;
        if (w.in_full > 0) {
          t.blocks = w.in_full;
          t.depth = kLanes;
          run(t);
          t.accumulate = true;
        }
        if (w.in_rest > 0) {
          t.a += w.in_full * a_block;
          t.w += w.in_full * kLanes * row;
          t.blocks = 1;
          t.depth = w.in_rest;
          run(t);
          t.accumulate = true;
        }
      }
      a += count * kLanes;
      t.c += count * kLanes;
    }
  }
}

// Floats before the panel of a product and a pair.
STRIATE_INLINE int64_t weight_panel(const WinogradPlan& w, int64_t product, int64_t pair) {
  return (product * w.out_blocks + pair * 2) * w.weight_rows * kLanes;
}

// Whether the next panel is fetched meanwhile. Zen 3 gains 4 to 9 % where the weights come from L3,
// Zen 5 14 to 17 %; Cascade Lake loses up to 10 % below 5 MB, and gains 15 to 29 % above 8.
STRIATE_INLINE bool fetches_ahead(const WinogradPlan& w) {
  const bool soon = kLanes == 8 || (striate_fetches_near && w.tiles >= kTilePixels);
  const int64_t least_bytes = soon ? 256 * 1024 : 8 * 1024 * 1024;
  return w.products * w.weight_rows * w.out_blocks * kLanes * 4 >= least_bytes;
}

STRIATE_INLINE WinogradRange input_slices(const WinogradPlan& w, WinogradRange slices) {
  if (w.taps == 1) return {0, 1};
  const int64_t reach = (w.taps - 1) * w.depth_dilation;
  const int64_t first = most(0, slices.first - w.depth_padding);
  return {first, most(first, least(w.in_slices, slices.stop - w.depth_padding + reach))};
}

STRIATE_INLINE WinogradEnd output_end(const ConvShape& s, const WinogradPlan& w, const Buffers& b,
                                      int64_t block) {
  WinogradEnd end = {};
  end.y = b.out[0] + block * w.y_block;
  end.residual = s.residual ? b.in[1] + block * w.y_block : nullptr;
  end.bias = s.bias ? load(b.weight[1] + block * kLanes) : Vector{};
  const bool clamp = s.activation.kind == Activation::clamp;
  end.other = !clamp && s.activation.kind != Activation::none;
  end.low = broadcast(clamp ? s.activation.alpha : -__builtin_inff());
  end.high = broadcast(clamp ? s.activation.beta : __builtin_inff());
  return end;
}

// V and Q of a number of tiles, all their channels and some slices.
struct WinogradScratch {
  float *v, *q;
  int64_t tiles;
  WinogradRange slices, in_slices;
  WinogradOrder order;
};

// V of some tiles, the first of which is `first` in the scratch, of a slice and blocks of channels.
template <int M, int R, bool kPlane>
static void transform_inputs(const WinogradPlan& w, const Buffers& b, const WinogradScratch& c,
                             const WinogradTile* tiles, int64_t first, int64_t count, int64_t z,
                             WinogradRange blocks) {
  for (int64_t block = blocks.first; block < blocks.stop; ++block) {
    const float* x = b.in[0] + block * w.x_block + z * w.slice_x;
    const int64_t row = (z - c.in_slices.first) * w.in_blocks + block;
    float* v = c.v + (row * c.tiles + first) * kLanes;
    for (int64_t i = 0; i < count; ++i) {
      transform_input<M, R, kPlane>(w, tiles[i], x, v + i * kLanes, w.v_stride);
    }
  }
}

// Q of a product and some pairs, of some tiles.
static void multiply_pairs(const ConvShape& s, const WinogradPlan& w, const Buffers& b,
                           const WinogradScratch& c, int64_t product, WinogradRange tiles,
                           WinogradRange pairs) {
  const bool ahead = fetches_ahead(w);
  WinogradGemm g;
  g.tiles = c.tiles;
  g.q_block = c.tiles * kLanes;
  g.q_slice = w.out_blocks * g.q_block;
  g.slices = c.slices;
  g.in_slices = c.in_slices;
  g.v = c.v + product * w.v_stride + tiles.first * kLanes;
  g.parts = ceil_div(tiles.count(), kTilePixels);
  g.each = tiles.count() / g.parts;
  g.rest = tiles.count() % g.parts;
  g.next_lines = w.in_rest == 0 ? ceil_div(kGemmSteps * 2 * kLanes / kLineFloats, g.parts) : 0;
  for (int64_t pair = pairs.first; pair < pairs.stop; ++pair) {
    const bool last = pair + 1 == w.out_pairs && product + 1 == w.products;
    g.vectors = least(2, w.out_blocks - 2 * pair);
    g.u = b.weight[0] + weight_panel(w, product, pair);
    const int64_t panel = g.vectors * w.weight_rows * kLanes;
    g.next = g.u + panel;
    g.next_stop = ahead && !last ? g.next + panel : g.next;
    g.q = c.q + product * w.q_stride + pair * 2 * g.q_block + tiles.first * kLanes;
    multiply(s, w, g);
  }
}

// Few channels: several products of a pair at once, as many as have weights that stay in L1.
STRIATE_INLINE bool multiplies_several(const WinogradPlan& w) {
  return w.taps == 1 && w.in_rest == 0 && w.weight_rows <= 64 && !fetches_ahead(w);
}

template <int A, bool kPlane>
static void multiply_several(const WinogradPlan& w, const Buffers& b, const WinogradScratch& c) {
  constexpr int64_t kWeightFloats = 2048;
  const int64_t each = most(1, kWeightFloats / (2 * kLanes * w.weight_rows));
  const int64_t whole_parts = ceil_div(c.tiles, kTilePixels);
  GemmProducts t = {};
  t.blocks = w.in_blocks;
  t.a_block = t.c_vector = c.tiles * kLanes;
  t.a_product = w.v_stride;
  t.w_product = weight_panel(w, 1, 0);
  t.c_product = w.q_stride;
  for (int64_t product = 0; product < w.products; product += t.count) {
    const WinogradRange tiles = tiles_with<A, kPlane>(w, c.order, product);
    const auto has_same = [&](int64_t other) STRIATE_LAMBDA {
      const WinogradRange others = tiles_with<A, kPlane>(w, c.order, other);
      return others.first == tiles.first && others.stop == tiles.stop;
    };
    const int64_t most_products = least(each, w.products - product);
    t.count = w.trims() ? 1 : most_products;
    while (t.count < most_products && has_same(product + t.count)) ++t.count;
    const int64_t count = tiles.count();
    const int64_t parts = count == c.tiles ? whole_parts : ceil_div(count, kTilePixels);
    for (int64_t pair = 0; pair < w.out_pairs; ++pair) {
      const int64_t vectors = least(2, w.out_blocks - 2 * pair);
      t.w = b.weight[0] + weight_panel(w, product, pair);
      for (int64_t part = 0; part < parts; ++part) {
        const int64_t tile = tiles.first + cut(count, parts, part);
        const int64_t stop = tiles.first + cut(count, parts, part + 1);
        t.a = c.v + product * w.v_stride + tile * kLanes;
        t.c = c.q + product * w.q_stride + 2 * pair * t.c_vector + tile * kLanes;
        kGemmProducts.of[vectors - 1][stop - tile - 1](t);
      }
    }
  }
}

// How the products are multiplied: in float32.
struct FloatProducts {
  static constexpr bool kSeveral = true;  // at once, too

  // Q of a product and some pairs, of some tiles.
  static void multiply(const ConvShape& s, const WinogradPlan& w, const Buffers& b,
                       const WinogradScratch& c, int64_t product, WinogradRange tiles,
                       WinogradRange pairs) {
    if (tiles.count() > 0) multiply_pairs(s, w, b, c, product, tiles, pairs);
  }
};

// y of some tiles, of a slice and blocks of channels.
template <int M, int R, bool kPlane>
static void transform_outputs(const ConvShape& s, const WinogradPlan& w, const Buffers& b,
                              const WinogradScratch& c, const WinogradTile* tiles, int64_t first,
                              int64_t count, int64_t z, WinogradRange blocks) {
  for (int64_t block = blocks.first; block < blocks.stop; ++block) {
    const WinogradEnd end = output_end(s, w, b, block);
    const bool trims = w.trims();
    const int64_t row = (z - c.slices.first) * w.out_blocks + block;
    float* q = c.q + (row * c.tiles + first) * kLanes;
    for (int64_t i = 0; i < count; ++i) {
      if (trims && (short_down(w, tiles[i]) || short_across(w, tiles[i]))) {
        clear_products<M + R - 1, kPlane ? M + R - 1 : 1>(w, tiles[i], q + i * kLanes, w.q_stride);
      }
      transform_output<M, R, kPlane>(s, w, tiles[i], q + i * kLanes, w.q_stride, end,
                                     z * w.slice_y);
    }
  }
}

STRIATE_INLINE WinogradRange part_of(int64_t n, int64_t parts, int64_t i) {
  return {cut(n, parts, i), cut(n, parts, i + 1)};
}

// In blocks: one task, all of it.
template <int M, int R, bool kPlane, typename Products>
static void run_block(const ConvShape& s, const WinogradPlan& w, const Buffers& b, int64_t task) {
  constexpr int A = M + R - 1;
  const WinogradRange range = part_of(w.tiles, w.tile_blocks, task % w.tile_blocks);
  WinogradScratch c;
  c.v = b.scratch;
  c.q = c.v + w.products * w.v_stride;
  c.tiles = range.count();
  c.slices = part_of(w.slices, w.slice_blocks, task / w.tile_blocks);
  c.in_slices = input_slices(w, c.slices);
  WinogradTile tiles[kWinogradMaxTiles];
  locate_tiles(s, w, range, tiles);
  c.order = sort_tiles(w, tiles, c.tiles);
  for (int64_t z = c.in_slices.first; z < c.in_slices.stop; ++z) {
    transform_inputs<M, R, kPlane>(w, b, c, tiles, 0, c.tiles, z, {0, w.in_blocks});
  }
  if (Products::kSeveral && multiplies_several(w)) {
    multiply_several<A, kPlane>(w, b, c);
  } else {
    for (int64_t product = 0; product < w.products; ++product) {
      Products::multiply(s, w, b, c, product, tiles_with<A, kPlane>(w, c.order, product),
                         {0, w.out_pairs});
    }
  }
  for (int64_t z = c.slices.first; z < c.slices.stop; ++z) {
    transform_outputs<M, R, kPlane>(s, w, b, c, tiles, 0, c.tiles, z, {0, w.out_blocks});
  }
}

// In phases: inputs and outputs a group of channel blocks of a slice, of a chunk of the tiles.
template <int M, int R, bool kPlane, typename Products>
static void run_phase(const ConvShape& s, const WinogradPlan& w, const Buffers& b, int phase,
                      int64_t task) {
  constexpr int A = M + R - 1;
  WinogradScratch c;
  c.v = b.shared;
  c.q = c.v + w.products * w.v_stride;
  c.tiles = w.tiles;
  c.slices = {0, w.slices};
  c.in_slices = input_slices(w, c.slices);
  if (phase == 1) {
    c.order = order_of_all(w);
    const WinogradRange units = part_of(w.products * w.pair_groups, w.product_tasks, task);
    for (int64_t i = units.first; i < units.stop; ++i) {
      const int64_t product = i / w.pair_groups;
      Products::multiply(s, w, b, c, product, tiles_with<A, kPlane>(w, c.order, product),
                         part_of(w.out_pairs, w.pair_groups, i % w.pair_groups));
    }
    return;
  }
  const WinogradRange range = part_of(w.tiles, w.chunks, task % w.chunks);
  WinogradTile tiles[kWinogradMaxTiles];
  locate_tiles(s, w, range, tiles);
  if (w.chunks == 1) c.order = sort_tiles(w, tiles, c.tiles);
  task /= w.chunks;
  if (phase == 0) {
    const int64_t z = c.in_slices.first + task / w.input_groups;
    if (z >= c.in_slices.stop) return;
    transform_inputs<M, R, kPlane>(w, b, c, tiles, range.first, range.count(), z,
                                   part_of(w.in_blocks, w.input_groups, task % w.input_groups));
  } else {
    transform_outputs<M, R, kPlane>(s, w, b, c, tiles, range.first, range.count(),
                                    task / w.output_groups,
                                    part_of(w.out_blocks, w.output_groups, task % w.output_groups));
  }
}

template <int M, int R, bool kPlane, typename Products>
static void run_winograd(const ConvShape& s, const WinogradPlan& w, const Buffers& b, int phase,
                         int64_t first, int64_t stop) {
  for (int64_t task = first; task < stop; ++task) {
    if (w.phased) {
      run_phase<M, R, kPlane, Products>(s, w, b, phase, task);
    } else {
      run_block<M, R, kPlane, Products>(s, w, b, task);
    }
  }
}

STRIATE_INLINE Needs winograd_needs(const WinogradPlan& w) {
  Needs needs;
  needs.weight_floats = w.products * w.weight_rows * w.out_blocks * kLanes;
  needs.pack_tasks = w.out_pairs;
  const int64_t floats = w.products * (w.v_stride + w.q_stride);
  if (!w.phased) {
    needs.thread_floats = floats;
    needs.tasks[0] = w.tile_blocks * w.slice_blocks;
    return needs;
  }
  needs.shared_floats = floats;
  needs.phases = 3;
  needs.tasks[0] = w.chunks * w.input_groups * w.block_in_slices;
  needs.tasks[1] = w.product_tasks;
  needs.tasks[2] = w.chunks * w.output_groups * w.slices;
  return needs;
}

// U = G g G' of a window, half a vector of output channels, to u + product * stride. The windows'
// weights lie 2 x L channels side by side.
template <int M, int R, bool kPlane>
STRIATE_INLINE void transform_weights(const float* g, float* u, int64_t stride) {
  constexpr int A = M + R - 1, kColumns = kPlane ? R : 1;
  typedef float Floats __attribute__((vector_size(4 * kDoubles)));
  Doubles half[A][R] = {};
  for (int j = 0; j < kColumns; ++j) {
    Doubles line[R], r[A];
    for (int i = 0; i < R; ++i) {
      line[i] = __builtin_convertvector(
          *reinterpret_cast<const Floats*>(g + (i * kColumns + j) * 2 * kLanes), Doubles);
    }
    weight_line(line, r);
    for (int i = 0; i < A; ++i) half[i][j] = r[i];
  }
  for (int i = 0; i < A; ++i) {
    if constexpr (kPlane) {
      Doubles r[A];
      weight_line(half[i], r);
      for (int j = 0; j < A; ++j) {
        *reinterpret_cast<Floats*>(u + (i * A + j) * stride) =
            __builtin_convertvector(r[j], Floats);
      }
    } else {
      *reinterpret_cast<Floats*>(u + i * stride) = __builtin_convertvector(half[i][0], Floats);
    }
  }
}

// Some pairs of vectors of outputs. Windows are transformed in L1, some side by side: their
// products lie so far apart that most would fall into the same few sets of the cache.
template <int M, int R, bool kPlane>
static void pack_winograd(const ConvShape& s, const WinogradPlan& w, const Filters& f,
                          float* packed, int64_t first_pair, int64_t stop_pair) {
  constexpr int A = M + R - 1, kProducts = kPlane ? A * A : A, kTaps = kPlane ? R * R : R;
  constexpr int64_t kTogether = A < 8 ? 8 : 4, kRow = kTogether * 2 * kLanes + 16;
  alignas(64) float side[kTogether * kTaps][2 * kLanes], u[kProducts * kRow];
  ConvShape window = s;  // of one plane of taps
  if (kPlane) window.kernel[0] = 1;
  for (int64_t pair = first_pair; pair < stop_pair; ++pair) {
    const int64_t vectors = least(2, w.out_blocks - 2 * pair), lanes = vectors * kLanes;
    const int64_t output = pair * 2 * kLanes;
    for (int64_t tap = 0; tap < w.taps; ++tap) {
      for (int64_t channel = 0; channel < s.in_channels; channel += kTogether) {
        const int64_t count = least(kTogether, s.in_channels - channel);
        Cells cells = {};
        cells.output = f.output;
        cells.to_step = 2 * kLanes;
        cells.vectors = vectors;
        cells.stop = s.out_channels - output;
        for (int64_t i = 0; i < count; ++i) {
          cells.from = f.first + output * f.output + (channel + i) * f.channel + tap * f.tap[0];
          cells.to = side[i * kTaps];
          pack_taps(window, f, cells);
          for (int64_t lane = 0; lane < lanes; lane += kDoubles) {
            transform_weights<M, R, kPlane>(&side[i * kTaps][lane], u + i * lanes + lane, kRow);
          }
        }
        float* to = packed + weight_panel(w, 0, pair) + (tap * s.in_channels + channel) * lanes;
        for (int product = 0; product < kProducts; ++product) {
          float* row = to + product * weight_panel(w, 1, 0);
          for (int64_t i = 0; i < count * lanes; i += kLanes) {
            store_unaligned(row + i, load(u + product * kRow + i));
          }
        }
      }
    }
  }
}

// A row of the table: F(M,R). Tiles of 8 inputs an axis are for sums short enough that they err by
// less than 2e-5 of the largest output: F(6,3) 7e-6 with 64 channels, 1.3e-5 with 256, 2e-5 with
// 512, F(4,5) half as much. F(6,3) is for planes alone.
template <int M, int R>
struct Winograd {
  static constexpr bool kLines = M < 6;
  static constexpr int64_t kLongest = M + R < 9 ? INT64_MAX : R == 3 ? 384 : 1024;

  static bool fits(const ConvShape& s) {
    return winograd_fits(s, R) && s.in_channels * s.kernel[0] <= kLongest &&
           (kLines || line_axis(s, R) < 0);
  }
  static Needs needs(const ConvShape& s, int) { return winograd_needs(winograd_plan<M, R>(s)); }
  static void pack(const ConvShape& s, const Filters& f, float* packed, int64_t first,
                   int64_t stop) {
    const WinogradPlan w = winograd_plan<M, R>(s);
    const auto pack_all = w.plane ? pack_winograd<M, R, true> : pack_winograd<M, R, !kLines>;
    pack_all(s, w, f, packed, first, stop);
  }
  static void run(const ConvShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
    const WinogradPlan w = trimmed<M, R>(winograd_plan<M, R>(s));
    const auto run_all = w.plane ? run_winograd<M, R, true, FloatProducts>
                                 : run_winograd<M, R, !kLines, FloatProducts>;
    run_all(s, w, b, phase, first, stop);
  }
};

}  // namespace striate::STRIATE_TARGET
