// Winograd's convolution: 3 taps along one axis or two, stride 1, any dilation and padding.
//
//   V = B' x B of every tile and input channel; for every product: Q = sum over channels of V U;
//   y = f(A' Q A + bias + residual)
//
// Weights are packed transformed, U = G g G', in panels for the GEMM of gemm.hpp, one for a pair
// of output channel blocks (or a single last one) and a product:
//
//   panel    | tap 0, channel 0: 2 x L outputs | channel 1 | ... | tap 1, channel 0 | ...
//   packed   in the order (pair, product), where blocks of tiles are computed one by one,
//            or (product, pair), where in phases
//
// V and Q hold for each product a map like the blocked maps' channels, tiles in place of pixels;
// products lie `v_stride`, `q_stride` apart:
//
//   V  | slice 0: block 0: tile 0: L channels | tile 1 | ... | block 1: ... | slice 1: ...
//   Q  | slice 0: block 0: tile 0: L channels | ...            the slices are depths of 3x3x3
//
// Two schedules. *In blocks*: a task takes a block of tiles, all their channels; V of 12 to 64
// tiles and Q of a pair of blocks stay in the core's L2, nothing is waited for, and the weights
// are read once a block. *In phases*, for few tiles and many channels (14x14 and less): all of V,
// then a GEMM for each product and group of pairs, then all outputs, so that the weights are read
// once altogether.
#pragma once

#include "conv/kernels/gemm.hpp"
#include "conv/kernels/winograd_lines.hpp"
#include "conv/kernels/winograd_plan.hpp"
#include "kernels/activate.hpp"

namespace striate::STRIATE_TARGET {

// Where a tile's first input lies, and its outputs.
struct WinogradTile {
  int64_t x, y, residual;        // floats behind the operands' first; x may lie before it
  int64_t down, across;          // its first input on the axes, in pixels
  int64_t out_down, out_across;  // how many of its outputs there are
  bool inside;                   // all inputs lie in the map
};

struct WinogradRange {
  int64_t first, stop;
  int64_t count() const { return stop - first; }
};

// A row of inputs outside the map.
alignas(64) static const float kNoInputs[kLanes] = {};

// First output and input of tile `at`, and how many of its outputs there are.
STRIATE_INLINE void locate_tile(const WinogradAxis& a, int64_t at, int64_t* place, int64_t* input,
                                int64_t* outputs) {
  const int64_t line = at / a.runs;  // of the interleaved ones
  *place = line + at % a.runs * a.width * a.dilation;
  *input = *place - a.padding;
  *outputs = least(a.width, most(0, ceil_div(a.out - *place, a.dilation)));
}

template <int M, bool kPlane>
static void locate_tiles(const ConvShape& s, const WinogradPlan& w, WinogradRange range,
                         WinogradTile* tiles) {
  const int64_t reach_down = (M + 1) * w.down.dilation;
  const int64_t reach_across = kPlane ? (M + 1) * w.across.dilation : 0;
  for (int64_t i = range.first; i < range.stop; ++i) {
    WinogradTile& t = tiles[i - range.first];
    int64_t place_down, place_across, rest = i;
    locate_tile(w.across, rest % w.across.tiles, &place_across, &t.across, &t.out_across);
    rest /= w.across.tiles;
    locate_tile(w.down, rest % w.down.tiles, &place_down, &t.down, &t.out_down);
    rest /= w.down.tiles;
    const int64_t outer = rest % w.outer, n = rest / w.outer;
    const int64_t y_down = w.down.y_step / w.down.dilation;  // floats from place to place
    const int64_t y_across = w.across.y_step / w.across.dilation;
    t.x = n * s.x_batch_stride + outer * w.outer_x + t.down * (w.down.x_step / w.down.dilation) +
          t.across * kLanes;
    const int64_t y = w.y_start + outer * w.outer_y + place_down * y_down + place_across * y_across;
    t.y = n * s.y_batch_stride + y;
    t.residual = n * s.residual_batch_stride + y;
    t.inside = t.down >= 0 && t.down + reach_down < w.down.in && t.across >= 0 &&
               t.across + reach_across < w.across.in;
  }
}

// B' x B of one tile and block of channels, to v + product * stride.
template <int M, bool kPlane>
STRIATE_INLINE void transform_input(const WinogradPlan& w, const WinogradTile& t, const float* x,
                                    float* v, int64_t stride) {
  constexpr int A = M + 2, kColumns = kPlane ? A : 1;
  Vector half[A][kColumns];
  x += t.x;
  const int64_t down = w.down.x_step, across = w.across.x_step;
  if (__builtin_expect(t.inside, 1)) {
    _Pragma("GCC unroll 1") for (int j = 0; j < kColumns; ++j) {
      Vector d[A], r[A];
      STRIATE_UNROLL
      for (int i = 0; i < A; ++i) d[i] = load(x + i * down);
      input_line(d, r);
      STRIATE_UNROLL
      for (int i = 0; i < A; ++i) half[i][j] = r[i];
      x += across;
    }
  } else {
    const float* row[A];
    int64_t step[A];
    for (int i = 0; i < A; ++i) {
      const int64_t at = t.down + i * w.down.dilation;
      const bool real = at >= 0 && at < w.down.in;
      row[i] = real ? x + i * down : kNoInputs;
      step[i] = real ? across : 0;
    }
    _Pragma("GCC unroll 1") for (int j = 0; j < kColumns; ++j) {
      const int64_t at = t.across + j * w.across.dilation;
      Vector d[A], r[A];
      if (at >= 0 && at < w.across.in) {
        STRIATE_UNROLL
        for (int i = 0; i < A; ++i) d[i] = load(row[i] + j * step[i]);
        input_line(d, r);
      } else {
        STRIATE_UNROLL
        for (int i = 0; i < A; ++i) r[i] = Vector{};
      }
      STRIATE_UNROLL
      for (int i = 0; i < A; ++i) half[i][j] = r[i];
    }
  }
  if constexpr (!kPlane) {
    STRIATE_UNROLL
    for (int i = 0; i < A; ++i) store(v + i * stride, half[i][0]);
  } else {
    _Pragma("GCC unroll 1") for (int i = 0; i < A; ++i) {
      Vector r[A];
      input_line(half[i], r);
      STRIATE_UNROLL
      for (int j = 0; j < A; ++j) store(v + j * stride, r[j]);
      v += A * stride;
    }
  }
}

// What is done to the outputs of a block of channels.
struct WinogradEnd {
  float* y;
  const float* residual;  // null: none
  Vector bias, low, high;
  bool clamp;
  bool other;  // an activation that is no clamp follows
};

__attribute__((noinline)) static void activate_cells(const ActivationSpec& f, float* y,
                                                     int64_t step, int64_t count) {
  for (int64_t i = 0; i < count; ++i) store(y + i * step, activated(f, load(y + i * step)));
}

// f(A' Q A + bias + residual) of one tile and block of channels.
template <int M, bool kPlane>
STRIATE_INLINE void transform_output(const ConvShape& s, const WinogradPlan& w,
                                     const WinogradTile& t, const float* q, int64_t stride,
                                     const WinogradEnd& end, int64_t cell) {
  constexpr int A = M + 2, kColumns = kPlane ? A : 1, kWide = kPlane ? M : 1;
  Vector half[M][kColumns];
  _Pragma("GCC unroll 1") for (int j = 0; j < kColumns; ++j) {
    Vector d[A], r[M];
    STRIATE_UNROLL
    for (int i = 0; i < A; ++i) d[i] = load(q + i * kColumns * stride);
    output_line(d, r);
    STRIATE_UNROLL
    for (int i = 0; i < M; ++i) half[i][j] = r[i];
    q += stride;
  }
  const int64_t across = w.across.y_step;
  for (int64_t i = 0; i < t.out_down; ++i) {
    Vector y[kWide];
    if constexpr (kPlane) {
      output_line(half[i], y);
    } else {
      y[0] = half[i][0];
    }
    float* to = end.y + cell + t.y + i * w.down.y_step;
    const float* from =
        end.residual != nullptr ? end.residual + cell + t.residual + i * w.down.y_step : nullptr;
    STRIATE_UNROLL
    for (int j = 0; j < kWide; ++j) y[j] += end.bias;
    if (t.out_across == kWide) {
      if (from != nullptr) {
        STRIATE_UNROLL
        for (int j = 0; j < kWide; ++j) y[j] += load(from + j * across);
      }
      if (end.clamp) {
        STRIATE_UNROLL
        for (int j = 0; j < kWide; ++j) y[j] = min(max(y[j], end.low), end.high);
      }
      STRIATE_UNROLL
      for (int j = 0; j < kWide; ++j) store(to + j * across, y[j]);
    } else {
      Vector kept[kWide];
      STRIATE_UNROLL
      for (int j = 0; j < kWide; ++j) kept[j] = y[j];
      for (int64_t j = 0; j < t.out_across; ++j) {
        Vector one = kept[j];
        if (from != nullptr) one += load(from + j * across);
        if (end.clamp) one = min(max(one, end.low), end.high);
        store(to + j * across, one);
      }
    }
    if (end.other) activate_cells(s.activation, to, across, t.out_across);
  }
}

// The GEMM of one product and pair of blocks: slices x tiles of V to those of Q.
struct WinogradGemm {
  const float *v, *u, *next;
  float* q;
  int64_t tiles;
  int64_t q_block, q_slice;  // floats from block to block, slice to slice of Q
  int64_t vectors;           // blocks in the pair
  WinogradRange slices, in_slices;
};

static void multiply(const ConvShape& s, const WinogradPlan& w, const WinogradGemm& g) {
  const int64_t a_block = g.tiles * kLanes, a_slice = w.in_blocks * a_block;
  const int64_t parts = ceil_div(g.tiles, kTilePixels);
  const int64_t row = g.vectors * kLanes;
  GemmTile t = {};
  t.a_block = a_block;
  t.c_vector = g.q_block;
  for (int64_t z = g.slices.first; z < g.slices.stop; ++z) {
    // Taps whose slices lie in the map.
    const int64_t behind = g.in_slices.first - (z - w.depth_padding);
    const int64_t left = g.in_slices.stop - (z - w.depth_padding);
    const int64_t first = most(0, ceil_div(most(behind, 0), w.depth_dilation));
    const int64_t stop = most(first, least(w.taps, ceil_div(most(left, 0), w.depth_dilation)));
    const int64_t slice = z - w.depth_padding + first * w.depth_dilation - g.in_slices.first;
    const float* a = g.v + slice * a_slice;
    const float* u = g.u + first * s.in_channels * row;
    const bool together = w.depth_dilation == 1 && (w.in_full == 0 || w.in_rest == 0);
    const int64_t calls = together ? 1 : stop - first;
    for (int64_t m = 0; m < parts; ++m) {
      const int64_t from = cut(g.tiles, parts, m), to = cut(g.tiles, parts, m + 1);
      const GemmFunction run = gemm_function(g.vectors, to - from);
      t.c = g.q + (z - g.slices.first) * g.q_slice + from * kLanes;
      t.accumulate = false;
      if (together || calls == 0) {
        t.a = a + from * kLanes;
        t.w = u;
        t.blocks = (stop - first) * w.in_blocks;
        t.depth = w.in_rest == 0 ? kLanes : w.in_rest;
        const int64_t lines = w.in_rest == 0 ? 2 * kLanes * kLanes / 16 : 0;  // of a block
        t.next_lines = ceil_div(lines, parts);
        t.next = g.next != nullptr && m * t.next_lines < lines
                     ? g.next + m * t.next_lines * t.blocks * 16
                     : nullptr;
        run(t);
        continue;
      }
      for (int64_t tap = 0; tap < calls; ++tap) {
        t.a = a + tap * w.depth_dilation * a_slice + from * kLanes;
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
    }
  }
}

STRIATE_INLINE int64_t blocks_of_pair(const WinogradPlan& w, int64_t pair) {
  return least(2, w.out_blocks - 2 * pair);
}

// Where the panel of a pair and a product starts.
STRIATE_INLINE int64_t weight_panel(const WinogradPlan& w, int64_t pair, int64_t product) {
  const int64_t column = w.weight_rows * kLanes;  // floats of one block's panel
  return w.phased ? (product * w.out_blocks + pair * 2) * column
                  : (pair * 2 * w.products + product * blocks_of_pair(w, pair)) * column;
}

// Weights of 8 MB and more come from memory or far in L3: the next panel is fetched meanwhile.
STRIATE_INLINE bool fetches_ahead(const WinogradPlan& w) {
  return w.products * w.weight_rows * w.out_blocks * kLanes >= 2 * 1024 * 1024;
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
  end.clamp = s.activation.kind == Activation::clamp;
  end.other = !end.clamp && s.activation.kind != Activation::none;
  end.low = broadcast(s.activation.alpha);
  end.high = broadcast(s.activation.beta);
  return end;
}

// In blocks: one task, all of it.
template <int M, bool kPlane>
static void run_block(const ConvShape& s, const WinogradPlan& w, const Buffers& b, int64_t task) {
  const int64_t part = task % w.tile_blocks, layer = task / w.tile_blocks;
  const WinogradRange range = {cut(w.tiles, w.tile_blocks, part),
                               cut(w.tiles, w.tile_blocks, part + 1)};
  const WinogradRange slices = {cut(w.slices, w.slice_blocks, layer),
                                cut(w.slices, w.slice_blocks, layer + 1)};
  const WinogradRange inputs = input_slices(w, slices);
  const int64_t count = range.count();
  WinogradTile tiles[kWinogradMaxTiles];
  locate_tiles<M, kPlane>(s, w, range, tiles);
  float* v = b.scratch;
  float* q = v + w.v_stride * w.products;
  for (int64_t z = inputs.first; z < inputs.stop; ++z) {
    for (int64_t block = 0; block < w.in_blocks; ++block) {
      const float* x = b.in[0] + block * w.x_block + z * w.slice_x;
      float* to = v + ((z - inputs.first) * w.in_blocks + block) * count * kLanes;
      for (int64_t i = 0; i < count; ++i) {
        transform_input<M, kPlane>(w, tiles[i], x, to + i * kLanes, w.v_stride);
      }
    }
  }
  const bool ahead = fetches_ahead(w);
  for (int64_t pair = 0; pair < w.out_pairs; ++pair) {
    WinogradGemm g = {};
    g.tiles = count;
    g.q_block = count * kLanes;
    g.vectors = blocks_of_pair(w, pair);
    g.q_slice = g.vectors * g.q_block;
    g.slices = slices;
    g.in_slices = inputs;
    for (int64_t product = 0; product < w.products; ++product) {
      g.v = v + product * w.v_stride;
      g.q = q + product * w.q_stride;
      g.u = b.weight[0] + weight_panel(w, pair, product);
      g.next = ahead && product + 1 < w.products ? b.weight[0] + weight_panel(w, pair, product + 1)
                                                 : nullptr;
      multiply(s, w, g);
    }
    for (int64_t block = 0; block < g.vectors; ++block) {
      const WinogradEnd end = output_end(s, w, b, 2 * pair + block);
      for (int64_t z = slices.first; z < slices.stop; ++z) {
        const float* from = q + (z - slices.first) * g.q_slice + block * g.q_block;
        for (int64_t i = 0; i < count; ++i) {
          transform_output<M, kPlane>(s, w, tiles[i], from + i * kLanes, w.q_stride, end,
                                      z * w.slice_y);
        }
      }
    }
  }
}

// In phases: V of a group of channel blocks of a slice, a chunk of the tiles.
template <int M, bool kPlane>
static void run_inputs(const ConvShape& s, const WinogradPlan& w, const Buffers& b, int64_t task) {
  const int64_t groups = ceil_div(w.in_blocks, w.input_group);
  const WinogradRange inputs = input_slices(w, {0, w.slices});
  const int64_t chunk = task % w.chunks, group = task / w.chunks % groups;
  const int64_t z = inputs.first + task / w.chunks / groups;
  if (z >= inputs.stop) return;
  const WinogradRange range = {cut(w.tiles, w.chunks, chunk), cut(w.tiles, w.chunks, chunk + 1)};
  WinogradTile tiles[kWinogradMaxTiles];
  locate_tiles<M, kPlane>(s, w, range, tiles);
  for (int64_t block = cut(w.in_blocks, groups, group); block < cut(w.in_blocks, groups, group + 1);
       ++block) {
    const float* x = b.in[0] + block * w.x_block + z * w.slice_x;
    float* to =
        b.shared + (((z - inputs.first) * w.in_blocks + block) * w.tiles + range.first) * kLanes;
    for (int64_t i = 0; i < range.count(); ++i) {
      transform_input<M, kPlane>(w, tiles[i], x, to + i * kLanes, w.v_stride);
    }
  }
}

// One product of a group of pairs.
static void run_products(const ConvShape& s, const WinogradPlan& w, const Buffers& b,
                         int64_t task) {
  const int64_t product = task / w.pair_groups, group = task % w.pair_groups;
  const int64_t stop = cut(w.out_pairs, w.pair_groups, group + 1);
  const bool ahead = fetches_ahead(w);
  WinogradGemm g = {};
  g.tiles = w.tiles;
  g.q_block = w.tiles * kLanes;
  g.q_slice = w.out_blocks * g.q_block;
  g.slices = {0, w.slices};
  g.in_slices = input_slices(w, g.slices);
  g.v = b.shared + product * w.v_stride;
  for (int64_t pair = cut(w.out_pairs, w.pair_groups, group); pair < stop; ++pair) {
    g.vectors = blocks_of_pair(w, pair);
    g.u = b.weight[0] + weight_panel(w, pair, product);
    g.next = ahead && pair + 1 < stop ? b.weight[0] + weight_panel(w, pair + 1, product) : nullptr;
    g.q = b.shared + w.products * w.v_stride + product * w.q_stride + pair * 2 * g.q_block;
    multiply(s, w, g);
  }
}

template <int M, bool kPlane>
static void run_outputs(const ConvShape& s, const WinogradPlan& w, const Buffers& b, int64_t task) {
  const int64_t groups = ceil_div(w.out_blocks, w.output_group);
  const int64_t chunk = task % w.chunks, group = task / w.chunks % groups;
  const int64_t z = task / w.chunks / groups;
  const WinogradRange range = {cut(w.tiles, w.chunks, chunk), cut(w.tiles, w.chunks, chunk + 1)};
  WinogradTile tiles[kWinogradMaxTiles];
  locate_tiles<M, kPlane>(s, w, range, tiles);
  for (int64_t block = cut(w.out_blocks, groups, group);
       block < cut(w.out_blocks, groups, group + 1); ++block) {
    const WinogradEnd end = output_end(s, w, b, block);
    const float* q = b.shared + w.products * w.v_stride +
                     ((z * w.out_blocks + block) * w.tiles + range.first) * kLanes;
    for (int64_t i = 0; i < range.count(); ++i) {
      transform_output<M, kPlane>(s, w, tiles[i], q + i * kLanes, w.q_stride, end, z * w.slice_y);
    }
  }
}

template <int M, bool kPlane>
static void run_winograd(const ConvShape& s, const WinogradPlan& w, const Buffers& b, int phase,
                         int64_t first, int64_t stop) {
  for (int64_t task = first; task < stop; ++task) {
    if (!w.phased) {
      run_block<M, kPlane>(s, w, b, task);
    } else if (phase == 0) {
      run_inputs<M, kPlane>(s, w, b, task);
    } else if (phase == 1) {
      run_products(s, w, b, task);
    } else {
      run_outputs<M, kPlane>(s, w, b, task);
    }
  }
}

STRIATE_INLINE Needs winograd_needs(const WinogradPlan& w) {
  Needs needs;
  needs.weight_floats = w.products * w.weight_rows * w.out_blocks * kLanes;
  const int64_t floats = w.products * (w.v_stride + w.q_stride);
  if (!w.phased) {
    needs.thread_floats = floats;
    needs.tasks[0] = w.tile_blocks * w.slice_blocks;
    return needs;
  }
  needs.shared_floats = floats;
  needs.phases = 3;
  needs.tasks[0] = w.chunks * ceil_div(w.in_blocks, w.input_group) * w.block_in_slices;
  needs.tasks[1] = w.products * w.pair_groups;
  needs.tasks[2] = w.chunks * ceil_div(w.out_blocks, w.output_group) * w.slices;
  return needs;
}

// U = G g G' of `filters` windows, 2 x L output channels side by side: to u + product * stride.
template <int M, bool kPlane>
STRIATE_INLINE void transform_weights(const float* g, float* u, int64_t stride) {
  constexpr int A = M + 2, kColumns = kPlane ? 3 : 1;
  typedef float Floats __attribute__((vector_size(4 * kDoubles)));
  Doubles half[A][3] = {};
  for (int j = 0; j < kColumns; ++j) {
    Doubles line[3], r[A];
    for (int i = 0; i < 3; ++i) {
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

template <int M, bool kPlane>
static void pack_winograd(const ConvShape& s, const WinogradPlan& w, const float* weight,
                          float* packed) {
  constexpr int kTaps = kPlane ? 9 : 3;
  constexpr int64_t kTogether = 16;  // windows brought side by side: 9 KB (L = 8) in L1
  alignas(64) float side[kTogether * kTaps][2 * kLanes];
  const int64_t windows = w.weight_rows;  // of an output channel, (input channel, tap)
  for (int64_t pair = 0; pair < w.out_pairs; ++pair) {
    const int64_t lanes = blocks_of_pair(w, pair) * kLanes;
    const int64_t first = pair * 2 * kLanes, real = least(lanes, s.out_channels - first);
    const int64_t stride = weight_panel(w, pair, 1) - weight_panel(w, pair, 0);
    float* to = packed + weight_panel(w, pair, 0);
    for (int64_t from = 0; from < windows; from += kTogether) {
      const int64_t count = least(kTogether, windows - from);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        const float* g = weight + ((first + lane) * windows + from) * kTaps;
        for (int64_t i = 0; i < count * kTaps; ++i) side[i][lane] = lane < real ? g[i] : 0;
      }
      for (int64_t i = 0; i < count; ++i) {
        const int64_t channel = (from + i) / w.taps, tap = (from + i) % w.taps;
        float* u = to + (tap * s.in_channels + channel) * lanes;
        for (int64_t lane = 0; lane < lanes; lane += kDoubles) {
          transform_weights<M, kPlane>(&side[i * kTaps][lane], u + lane, stride);
        }
      }
    }
  }
}

// A row of the table: F(M,3).
template <int M>
struct Winograd {
  static bool fits(const ConvShape& s) { return winograd_fits(s); }
  static Needs needs(const ConvShape& s, int) { return winograd_needs(winograd_plan<M>(s)); }
  static void pack(const ConvShape& s, const float* weight, float* packed) {
    const WinogradPlan w = winograd_plan<M>(s);
    (w.plane ? pack_winograd<M, true> : pack_winograd<M, false>)(s, w, weight, packed);
  }
  static void run(const ConvShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
    const WinogradPlan w = winograd_plan<M>(s);
    (w.plane ? run_winograd<M, true> : run_winograd<M, false>)(s, w, b, phase, first, stop);
  }
};

}  // namespace striate::STRIATE_TARGET
