// The microkernel of convolutions that read their input where it lies:
// gemm.hpp's with pixels that need not follow one another.
//
//   c[v][p] = f( init + sum over b, k of  a[pixel[p] + block[b] + k] * w[b][k][v] )
//
// A window's tap is the same distance away from every pixel, as long as nothing is cut off at the
// edges. So NP addresses in general registers, which all take the same steps, read any stride and
// dilation of a map with no packing; and plain maps, where k runs along the filter's width.
//
// Beside one vector of outputs each product takes a load, and one more of its address where there
// are more addresses than registers. Filters three pixels wide take both taps and pixels of a row
// together instead: what is loaded meets three sums.
//
// While a tile is computed, the next one's residuals are fetched, and a part of the next panel's
// weights: the first tile of a panel would wait for L3 or memory. Outputs need no fetching.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/fetch.hpp"
#include "kernels/multiply_add.hpp"

namespace striate::STRIATE_TARGET {

// Lines to fetch with each block, `step` floats apart, and how far on those of the next block and
// tile are: a row, or some rows side by side.
struct NextLines {
  const float* from;
  int64_t lines, step, block, tile;
};

STRIATE_INLINE void fetch_block(NextLines& r) {
  const float* line = r.from;
  for (int64_t i = 0; i < r.lines; ++i, line += r.step) fetch_line(line);
  r.from += r.block;
}

// Tiles of NP pixels, one after the other in `pixel`, `c` and `residual`.
struct GatherTiles {
  int64_t tiles;
  const float* a;
  const int64_t* pixel;  // distances from a
  const int64_t* step;   // from block to block: `blocks` distances, the first from a
  int64_t blocks, depth;
  const float* w;
  float* c;
  int64_t c_vector;       // floats from one vector of output channels to the next,
                          // also of residual
  const float* bias;      // NV vectors to start from; null: 0, unless `accumulate`
  const float* residual;  // added before the activation; null: none
  bool accumulate;        // start from what c holds
  bool clamp;             // f = min(max(x, low), high)
  float low, high;
  int64_t ahead;   // floats from pixel to pixel of input that is to be fetched a
                   // tile ahead; 0: none
  NextLines next;  // weights to fetch meanwhile
};

// How the pixels of a tile are read: each at an address of its own; behind one another at kLanes
// floats, from one address; and so with the three taps of a filter's row at once, each a block.
enum class Reads { apart, row, taps };

constexpr int kTapsWide = 3;
constexpr bool kTakesTaps = kTilePixels >= 14;  // fewer registers hold too few sums

template <int NV, int NP, Reads kReads>
STRIATE_INLINE void gather_step(Vector (&sum)[NV][NP], const float* const* at, int64_t k,
                                const float* w) {
  // GCC would load the inputs of several steps at once, and spill them.
  asm volatile("" ::: "memory");
  Vector weight[NV];
  STRIATE_UNROLL
  for (int i = 0; i < NV; ++i) weight[i] = load(w + i * kLanes);
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) {
    constexpr bool kOne = kReads == Reads::row;
    const Vector x = broadcast(kOne ? at[0][k + p * kLanes] : at[kOne ? 0 : p][k]);
    STRIATE_UNROLL
    for (int i = 0; i < NV; ++i) multiply_add(sum[i][p], weight[i], x);
  }
}

// The taps of a row of the filter: w holds one block's `depth` vectors behind the other's.
template <int NP>
STRIATE_INLINE void gather_taps(Vector (&sum)[1][NP], const float* at, int64_t k, const float* w,
                                int64_t depth) {
  asm volatile("" ::: "memory");
  Vector weight[kTapsWide];
  STRIATE_UNROLL
  for (int u = 0; u < kTapsWide; ++u) weight[u] = load(w + (u * depth + k) * kLanes);
  STRIATE_UNROLL
  for (int p = 0; p < NP + kTapsWide - 1; ++p) {
    const Vector x = broadcast(at[k + p * kLanes]);
    STRIATE_UNROLL
    for (int u = 0; u < kTapsWide; ++u) {
      if (p >= u && p - u < NP) multiply_add(sum[0][p - u], weight[u], x);
    }
  }
}

template <int NV, int NP, Reads kReads>
STRIATE_INLINE void gather_tile(GatherTiles& t, const int64_t* pixel, int64_t place) {
  constexpr bool kRow = kReads != Reads::apart;
  constexpr int kPointers = kRow ? 1 : NP;
  float* const c = t.c + place;
  Vector sum[NV][NP];
  if (t.accumulate) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] = load(c + v * t.c_vector + p * kLanes);
    }
  } else {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      const Vector start = t.bias != nullptr ? load(t.bias + v * kLanes) : Vector{};
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] = start;
    }
  }
  if (t.residual != nullptr) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP * kLanes; p += kLineFloats) {
        __builtin_prefetch(t.residual + place + v * t.c_vector + NP * kLanes + p, 0, 3);
      }
    }
  }
  const float* at[kPointers];
  STRIATE_UNROLL
  for (int p = 0; p < kPointers; ++p) at[p] = t.a + pixel[p];
  const float* w = t.w;
  const int64_t depth = t.depth;
  const int64_t *step = t.step, *const stop = step + t.blocks;
  constexpr int kTogether = kReads == Reads::taps ? kTapsWide : 1;
  for (; step != stop; step += kTogether) {
    STRIATE_UNROLL
    for (int p = 0; p < kPointers; ++p) at[p] += *step;
    int64_t k = 0;
    if constexpr (kReads == Reads::taps) {
      _Pragma("GCC unroll 1") for (; k < depth; ++k) gather_taps(sum, at[0], k, w, depth);
      w += kTapsWide * depth * kLanes;
    } else {
      _Pragma("GCC unroll 1") for (; k + 4 <= depth; k += 4) {
        STRIATE_UNROLL
        for (int i = 0; i < 4; ++i) {
          gather_step<NV, NP, kReads>(sum, at, k + i, w + i * NV * kLanes);
        }
        w += 4 * NV * kLanes;
      }
      _Pragma("GCC unroll 1") for (; k < depth; ++k, w += NV * kLanes) {
        gather_step<NV, NP, kReads>(sum, at, k, w);
      }
    }
    fetch_block(t.next);
    if (t.ahead != 0) {
      STRIATE_UNROLL
      for (int p = 0; p < NP * kLanes; p += kRow ? kLineFloats : kLanes) {
        __builtin_prefetch(
            kRow ? at[0] + NP * kLanes + p : at[kRow ? 0 : p / kLanes] + NP * t.ahead, 0, 3);
      }
    }
    STRIATE_UNROLL
    for (int u = 1; u < kTogether; ++u) at[0] += step[u];
  }
  if (t.residual != nullptr) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p)
        sum[v][p] += load(t.residual + place + v * t.c_vector + p * kLanes);
    }
  }
  if (t.clamp) {
    const Vector low = broadcast(t.low), high = broadcast(t.high);
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] = min(high, max(low, sum[v][p]));
    }
  }
  STRIATE_UNROLL
  for (int v = 0; v < NV; ++v) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) store(c + v * t.c_vector + p * kLanes, sum[v][p]);
  }
}

template <int NV, int NP, Reads kReads>
static void gather_tiles(GatherTiles& t) {
  const int64_t* pixel = t.pixel;
  for (int64_t i = 0; i < t.tiles; ++i, pixel += NP) {
    gather_tile<NV, NP, kReads>(t, pixel, i * NP * kLanes);
    t.next.from += t.next.tile;
  }
}

typedef void (*GatherFunction)(GatherTiles&);

// Pixels of a tile beside 1, 2 or 3 vectors of output channels: about as many sums each, but as
// many addresses as there are registers for beside 1.
constexpr int kGatherPixels[] = {2 * kTilePixels, kTilePixels, 2 * kTilePixels / 3};
constexpr int kApartPixels = kTilePixels < 6 ? 2 * kTilePixels : 12;

template <int NV, int NP, Reads kReads>
struct GatherTable {
  static constexpr void fill(GatherFunction* to) {
    to[NP - 1] = gather_tiles<NV, NP, kReads>;
    if constexpr (NP > 1) GatherTable<NV, NP - 1, kReads>::fill(to);
  }
};

struct GatherFunctions {
  GatherFunction of[3][3][2 * kTilePixels] = {};  // how it reads, vectors of outputs, pixels
  constexpr GatherFunctions() {
    fill<1, kApartPixels, Reads::apart>();
    fill<2, kGatherPixels[1], Reads::apart>();
    fill<3, kGatherPixels[2], Reads::apart>();
    fill<1, kGatherPixels[0], Reads::row>();
    fill<2, kGatherPixels[1], Reads::row>();
    fill<3, kGatherPixels[2], Reads::row>();
    if constexpr (kTakesTaps) fill<1, kGatherPixels[0], Reads::taps>();
  }

 private:
  template <int NV, int NP, Reads kReads>
  constexpr void fill() {
    GatherTable<NV, NP, kReads>::fill(of[static_cast<int>(kReads)][NV - 1]);
  }
};

static constexpr GatherFunctions kGather;

}  // namespace striate::STRIATE_TARGET
