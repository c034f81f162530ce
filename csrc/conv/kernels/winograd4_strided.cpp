// Winograd's algorithm for 3x3 filters at stride 2: 81 products for 16 outputs, instead of 144.
//
// The algebra is that of winograd_phases.hpp, for three taps at stride 2; scales are in A' here, so
// that weights of the odd phase are the same at all points. Along a line, even inputs meet taps 0
// and 2 of the filter, odd ones tap 1, both at stride 1:
//
//   y[i] = g0 e[i] + g2 e[i + 1] + g1 o[i]        e: d0 d2 d4 d6 d8, o: d1 d3 d5 d7
//
// For four outputs that is F(4,2) with four points and infinity, and F(4,1), for which the four
// points do. As the points are the same, so are most rows of B', and A': products add up before
// they are turned to outputs.
//
//   y = A' [ (G (g0, g2)) * (B' e) + g1 * (C' o) ]        C: B without the last row and column
//
//   with a = 1/2, b = 3/2:
//
//                B'                  G         A', columns times
//     | -abb  -bb  a   1  0 |     | 1  a |     | 1   1   1   1  0 |  1/2a(aa-bb), twice,
//     | -abb   bb  a  -1  0 |     | 1 -a |     | a  -a   b  -b  0 |  1/2b(bb-aa), twice, 1
//     | -baa  -aa  b   1  0 |     | 1  b |     | aa  aa  bb  bb 0 |
//     | -baa   aa  b  -1  0 |     | 1 -b |     | a^3 ..  b^3 .. 1 |
//     | aabb  0 -aa-bb 0  1 |     | 0  1 |
//
// In the plane there are four kinds of inputs: 5x5 of even rows and columns, 5x4, 4x5 and 4x4, each
// with products of its own (V), which make 25 sums (Q). The weights are 36 panels (U): those of odd
// rows or columns are the same for all points of theirs. They are made by the task that uses them,
// as in winograd_streamed.hpp, since they cost six additions a filter:
//
//   packed | pair 0: channel 0: tap 0: 2 x L outputs | tap 1 | ... | channel 1 ..
//
//   V      | input 0: block 0: tile 0: L channels | tile 1 | ... | block 1 .. | input 1 ..
//   U      | panel 0: channel 0: 2 x L outputs | channel 1 | ... | panel 1 ..
//   Q      | pair 0: product 0: block 0: tile 0: L outputs | tile 1 | ... | block 1 ..
//
// A task takes a block of tiles and a group of pairs of output blocks; it makes V of a chunk of 32
// channels, and of each pair U and what that adds to Q, in L2 all of them. It errs hardly more than
// the direct product: 2e-6 of the largest output with 256 channels.
// Source: Lavin and Gray 2015, arXiv:1509.09308, section 4.1, of the two halves of a strided
// filter.
#include "conv/kernels/winograd.hpp"

namespace striate::STRIATE_TARGET {

// Points a, -a, b, -b and infinity.
template <>
struct InputRows<5> {
  static constexpr float kPoints[2] = {0.5f, 1.5f};
  static constexpr float scale(int k) { return k == 0 ? -0.5f : 1 / 6.0f; }
};

namespace {

constexpr int kWidth = 4, kTaps = 3, kInputs = 2 * kWidth + 1;
constexpr int kFinite = 4, kPoints = 5, kProducts = kPoints * kPoints;
constexpr float kA = InputRows<5>::kPoints[0], kB = InputRows<5>::kPoints[1];

// The four kinds of inputs, by whether their rows and columns are odd.
constexpr int kKinds = 4;
constexpr int rows_of(int kind) {
  return kind < 2 ? kPoints : kFinite;
}
constexpr int columns_of(int kind) {
  return kind % 2 == 0 ? kPoints : kFinite;
}
constexpr int first_input(int kind) {
  return kind == 0 ? 0 : first_input(kind - 1) + rows_of(kind - 1) * columns_of(kind - 1);
}
constexpr int kInputsOfAll = first_input(kKinds);  // 81

constexpr int panel_of(int kind, int row, int column) {
  return kind == 0   ? row * kPoints + column
         : kind == 1 ? kProducts + row
         : kind == 2 ? kProducts + kPoints + column
                     : kProducts + 2 * kPoints;
}
constexpr int kPanels = panel_of(kKinds - 1, 0, 0) + 1;  // 36

constexpr int64_t kChunk = 32;
constexpr int64_t kPanelFloats = kChunk * 2 * kLanes + 16;  // see kChunkWeights

// Tiles of a block and pairs of a group: their V, U and Q fill two thirds of L2.
constexpr int64_t kBlockTiles = (kLanes == 16 ? 2 : 3) * kTilePixels;
constexpr int64_t kGroupPairs = 64 / kLanes;

struct StridedPlan {
  WinogradPlan w;
  int64_t chunks, groups;            // of channels, of pairs
  int64_t tile_blocks, block_tiles;  // blocks of tiles, tiles of the largest
  int64_t group_pairs;               // of the largest
  int64_t v_stride, q_stride;        // floats from input to input, product to product
};

StridedPlan plan_of(const ConvShape& s) {
  StridedPlan p;
  p.w = winograd_plan<kWidth, kTaps>(s);
  p.chunks = ceil_div(s.in_channels, kChunk);
  // Four tasks keep two threads busy. Each makes V and U of its own: U of 8 tiles takes a sixth of
  // their time, V of 64 outputs an eighth.
  p.tile_blocks = most(ceil_div(p.w.tiles, kBlockTiles), least(4, p.w.tiles / 8));
  p.block_tiles = ceil_div(p.w.tiles, p.tile_blocks);
  p.groups = most(ceil_div(p.w.out_pairs, kGroupPairs),
                  least(p.w.out_pairs / 4, ceil_div(4, p.tile_blocks)));
  p.group_pairs = ceil_div(p.w.out_pairs, p.groups);
  p.v_stride = odd_lines(kChunk * p.block_tiles);
  p.q_stride = odd_lines(2 * kLanes * p.block_tiles);
  return p;
}

int64_t pair_blocks(const StridedPlan& p, int64_t pair) {
  return least(2, p.w.out_blocks - 2 * pair);
}

// v = B' d, or C' d of four numbers.
template <int N>
STRIATE_INLINE void strided_line(const Vector (&d)[N], Vector (&v)[N]) {
  const Vector near_even = d[2] - kB * kB * d[0], near_odd = d[3] - kB * kB * d[1];
  const Vector far_even = d[2] - kA * kA * d[0], far_odd = d[3] - kA * kA * d[1];
  v[0] = kA * near_even + near_odd;
  v[1] = kA * near_even - near_odd;
  v[2] = kB * far_even + far_odd;
  v[3] = kB * far_even - far_odd;
  if constexpr (N == kPoints) {
    v[4] = (d[4] - (kA * kA + kB * kB) * d[2]) + kA * kA * kB * kB * d[0];
  }
}

// Two rows of V, of the points p and -p. x: rows 0 to 3 of the kind, whose columns are every other.
template <int N>
STRIATE_INLINE void strided_rows(const float* const (&x)[kPoints], float p, float other, float* v,
                                 int64_t stride) {
  Vector half[N], even[N], odd[N];
  STRIATE_UNROLL
  for (int j = 0; j < N; ++j) {
    half[j] = load(x[2] + 2 * j * kLanes) - other * other * load(x[0] + 2 * j * kLanes);
  }
  strided_line(half, even);
  STRIATE_UNROLL
  for (int j = 0; j < N; ++j) {
    half[j] = load(x[3] + 2 * j * kLanes) - other * other * load(x[1] + 2 * j * kLanes);
  }
  strided_line(half, odd);
  STRIATE_UNROLL
  for (int j = 0; j < N; ++j) half[j] = p * even[j] + odd[j];
  store_steps(v, stride, half);
  STRIATE_UNROLL
  for (int j = 0; j < N; ++j) half[j] = p * even[j] - odd[j];
  store_steps(v + hidden(N * stride), stride, half);
}

// V of a tile and block of channels, of one kind.
template <int kKind>
STRIATE_INLINE void transform_kind(const float* x, int64_t down, float* v, int64_t stride) {
  constexpr int N = columns_of(kKind);
  const float* rows[kPoints];
  STRIATE_UNROLL
  for (int i = 0; i < kPoints; ++i) {
    rows[i] = x + hidden((2 * i + kKind / 2) * down) + kKind % 2 * kLanes;
  }
  v += hidden(first_input(kKind) * stride);
  strided_rows<N>(rows, kA, kB, v, stride);
  v += hidden(2 * N * stride);
  strided_rows<N>(rows, kB, kA, v, stride);
  if constexpr (rows_of(kKind) == kPoints) {
    Vector last[N], r[N];
    STRIATE_UNROLL
    for (int j = 0; j < N; ++j) {
      last[j] = load(rows[4] + 2 * j * kLanes) -
                (kA * kA + kB * kB) * load(rows[2] + 2 * j * kLanes) +
                kA * kA * kB * kB * load(rows[0] + 2 * j * kLanes);
    }
    strided_line(last, r);
    store_steps(v + hidden(2 * N * stride), stride, r);
  }
}

// V of some tiles and a chunk.
void make_inputs(const StridedPlan& p, const float* x, const WinogradTile* tiles, int64_t count,
                 int64_t blocks, float* v) {
  alignas(64) float copy[kInputs * kInputs * kLanes];
  for (int64_t block = 0; block < blocks; ++block, x += p.w.x_block) {
    for (int64_t i = 0; i < count; ++i, v += kLanes) {
      const float* from = x + tiles[i].x;
      int64_t down = p.w.down.x_step;
      if (__builtin_expect(!tiles[i].inside, 0)) {
        copy_inputs<kInputs, kInputs>(p.w, tiles[i], from, copy);
        from = copy;
        down = kInputs * kLanes;
      }
      transform_kind<0>(from, down, v, p.v_stride);
      transform_kind<1>(from, down, v, p.v_stride);
      transform_kind<2>(from, down, v, p.v_stride);
      transform_kind<3>(from, down, v, p.v_stride);
    }
  }
}

// U of a row of filters, as it meets one row's point: of even columns, and of the odd one.
STRIATE_INLINE void make_panels(Vector first, Vector middle, Vector last, float* even, float* odd) {
  store(even, first + kA * last);
  store(even + kPanelFloats, first - kA * last);
  store(even + 2 * kPanelFloats, first + kB * last);
  store(even + 3 * kPanelFloats, first - kB * last);
  store(even + 4 * kPanelFloats, last);
  store(odd, middle);
}

// U of a chunk and a pair, or a single block.
template <int NV>
void make_weights(const float* g, float* u, int64_t channels) {
  for (int64_t i = 0; i < channels * NV; ++i, u += kLanes) {
    const float* window = g + i / NV * (kTaps * kTaps * NV * kLanes) + i % NV * kLanes;
    Vector t[kTaps][kTaps];
    STRIATE_UNROLL
    for (int k = 0; k < kTaps * kTaps; ++k)
      t[k / kTaps][k % kTaps] = load(window + k * NV * kLanes);
    const float points[kFinite] = {kA, -kA, kB, -kB};
    STRIATE_UNROLL
    for (int row = 0; row < kFinite; ++row) {
      make_panels(t[0][0] + points[row] * t[2][0], t[0][1] + points[row] * t[2][1],
                  t[0][2] + points[row] * t[2][2], u + panel_of(0, row, 0) * kPanelFloats,
                  u + panel_of(1, row, 0) * kPanelFloats);
    }
    make_panels(t[2][0], t[2][1], t[2][2], u + panel_of(0, kFinite, 0) * kPanelFloats,
                u + panel_of(1, kFinite, 0) * kPanelFloats);
    make_panels(t[1][0], t[1][1], t[1][2], u + panel_of(2, 0, 0) * kPanelFloats,
                u + panel_of(3, 0, 0) * kPanelFloats);
  }
}

// What a chunk adds to Q of a pair.
struct StridedGemm {
  const float *v, *u, *next;  // next: weights to fetch meanwhile, as many as U was made of
  float* q;
  int64_t tiles, channels, vectors;
  bool accumulate;
};

// Where the sum of a product lies: by kind, its whole blocks of channels and what is behind them.
void find_parts(const StridedPlan& p, const StridedGemm& g, int product, GemmParts& t) {
  const int row = product / kPoints, column = product % kPoints;
  const int64_t full = g.channels / kLanes, rest = g.channels % kLanes;
  t.count = 0;
  for (int kind = 0; kind < kKinds; ++kind) {
    if (row >= rows_of(kind) || column >= columns_of(kind)) continue;
    const int input = first_input(kind) + row * columns_of(kind) + column;
    const float* const a = g.v + input * p.v_stride;
    const float* const w = g.u + panel_of(kind, row, column) * kPanelFloats;
    if (full > 0) t.of[t.count++] = {a, w, full, kLanes};
    if (rest > 0) {
      t.of[t.count++] = {a + full * t.a_block, w + full * kLanes * g.vectors * kLanes, 1, rest};
    }
  }
}

void multiply_pair(const StridedPlan& p, const StridedGemm& g) {
  const int64_t parts = ceil_div(g.tiles, kTilePixels);
  const int64_t lines =
      ceil_div(kTaps * kTaps * g.channels * g.vectors * kLanes, kLineFloats * kProducts);
  GemmParts t;
  t.a_block = t.c_vector = g.tiles * kLanes;
  t.accumulate = g.accumulate;
  for (int product = 0; product < kProducts; ++product) {
    const float* next = g.next + product * lines * kLineFloats;
    for (int64_t i = 0; i < lines; ++i) fetch_line(next + i * kLineFloats);
    find_parts(p, g, product, t);
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t from = cut(g.tiles, parts, part), to = cut(g.tiles, parts, part + 1);
      t.c = g.q + product * p.q_stride + from * kLanes;
      kGemmParts.of[g.vectors - 1][to - from - 1](t);
      for (int i = 0; i < t.count; ++i) t.of[i].a += (to - from) * kLanes;
    }
  }
}

void run_task(const ConvShape& s, const StridedPlan& p, const Buffers& b, int64_t task) {
  const WinogradRange range = part_of(p.w.tiles, p.tile_blocks, task % p.tile_blocks);
  const WinogradRange pairs = part_of(p.w.out_pairs, p.groups, task / p.tile_blocks);
  float* const u = b.scratch;
  float* const v = u + kPanels * kPanelFloats;
  float* const q = v + kInputsOfAll * p.v_stride;
  WinogradTile tiles[kBlockTiles];
  locate_tiles(s, p.w, range, tiles);
  StridedGemm g;
  g.v = v;
  g.u = u;
  g.tiles = range.count();
  for (int64_t chunk = 0; chunk < p.chunks; ++chunk) {
    const int64_t first = chunk * kChunk;
    g.channels = least(kChunk, s.in_channels - first);
    g.accumulate = chunk > 0;
    make_inputs(p, b.in[0] + first / kLanes * p.w.x_block, tiles, g.tiles,
                ceil_div(g.channels, kLanes), v);
    for (int64_t pair = pairs.first; pair < pairs.stop; ++pair) {
      g.vectors = pair_blocks(p, pair);
      const int64_t floats = kTaps * kTaps * kLanes;
      const float* weights = b.weight[0] + (2 * pair * s.in_channels + g.vectors * first) * floats;
      (g.vectors == 2 ? make_weights<2> : make_weights<1>)(weights, u, g.channels);
      const int64_t next = pair + 1 < pairs.stop ? 2 * s.in_channels : g.vectors * g.channels;
      g.next = weights + next * floats;
      g.q = q + (pair - pairs.first) * kProducts * p.q_stride;
      multiply_pair(p, g);
    }
  }
  for (int64_t block = 2 * pairs.first; block < least(2 * pairs.stop, p.w.out_blocks); ++block) {
    const WinogradEnd end = output_end(s, p.w, b, block);
    const float* from =
        q + (block / 2 - pairs.first) * kProducts * p.q_stride + block % 2 * g.tiles * kLanes;
    for (int64_t i = 0; i < g.tiles; ++i) {
      transform_output<kWidth, kPoints - kWidth + 1, true>(s, p.w, tiles[i], from + i * kLanes,
                                                           p.q_stride, end, 0);
    }
  }
}

bool fits(const ConvShape& s) {
  if (s.groups != 1 || s.plain_input || s.plain_weight || s.scale || s.pool) return false;
  if (!idle_axis(s, 0)) return false;
  for (int axis = 1; axis < 3; ++axis) {
    if (s.kernel[axis] != kTaps || s.stride[axis] != 2 || s.dilation[axis] != 1) return false;
  }
  return true;
}

Needs needs(const ConvShape& s, int) {
  const StridedPlan p = plan_of(s);
  Needs needs;
  needs.weight_floats = kTaps * kTaps * s.in_channels * p.w.out_blocks * kLanes;
  needs.pack_tasks = p.w.out_pairs;
  needs.thread_floats =
      kPanels * kPanelFloats + kInputsOfAll * p.v_stride + p.group_pairs * kProducts * p.q_stride;
  needs.tasks[0] = p.tile_blocks * p.groups;
  return needs;
}

void pack(const ConvShape& s, const Filters& f, float* packed, int64_t first, int64_t stop) {
  for (int64_t pair = first; pair < stop; ++pair) {
    const int64_t before = pair * 2 * kLanes * s.in_channels;
    pack_pair(s, f, pair, 0, s.in_channels, packed + before * kTaps * kTaps);
  }
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const StridedPlan p = plan_of(s);
  for (int64_t task = first; task < stop; ++task) run_task(s, p, b, task);
}

}  // namespace

extern const Kernel<ConvShape> conv_winograd4_strided;
const Kernel<ConvShape> conv_winograd4_strided = {"winograd4_strided", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
