// The microkernel of convolutions that read their input where it lies: gemm.hpp's with pixels that
// need not follow one another.
//
//   c[v][p] = f( init + sum over b, k of  a[pixel[p] + block[b] + k] * w[b][k][v] )
//
// A window's tap is the same distance away from every pixel, as long as nothing is cut off at the
// edges. So NP addresses in general registers, which all take the same steps, read any stride and
// dilation of a map with no packing; and plain maps, where k runs along the filter's width.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

struct GatherTile {
  const float* a;
  const int64_t* pixel;  // NP distances from a
  const int64_t* step;   // from block to block: `blocks` distances, the first from a
  int64_t blocks, depth;
  const float* w;
  float* c;
  int64_t c_vector;       // floats from one vector of output channels to the next, also of residual
  const float* bias;      // NV vectors to start from; null: 0, unless `accumulate`
  const float* residual;  // added before the activation; null: none
  bool accumulate;        // start from what c holds
  bool clamp;             // f = min(max(x, low), high)
  float low, high;
};

// kRow: the pixels follow one another at kLanes floats, so that one address serves all.
template <int NV, int NP, bool kRow>
STRIATE_INLINE void gather_step(Vector (&sum)[NV][NP], const float* const* at, int64_t k,
                                const float* w) {
  // GCC would load the inputs of several steps at once, and spill them.
  asm volatile("" ::: "memory");
  Vector weight[NV];
  STRIATE_UNROLL
  for (int i = 0; i < NV; ++i) weight[i] = load(w + i * kLanes);
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) {
    const Vector x = broadcast(kRow ? at[0][k + p * kLanes] : at[kRow ? 0 : p][k]);
    STRIATE_UNROLL
    for (int i = 0; i < NV; ++i) {
      sum[i][p] += x * weight[i];
      pin(sum[i][p]);
    }
  }
}

template <int NV, int NP, bool kRow>
static void gather_tile(const GatherTile& t) {
  constexpr int kPointers = kRow ? 1 : NP;
  Vector sum[NV][NP];
  if (t.accumulate) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] = load(t.c + v * t.c_vector + p * kLanes);
    }
  } else {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      const Vector start = t.bias != nullptr ? load(t.bias + v * kLanes) : Vector{};
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] = start;
    }
  }
  const float* at[kPointers];
  STRIATE_UNROLL
  for (int p = 0; p < kPointers; ++p) at[p] = t.a + t.pixel[p];
  const float* w = t.w;
  const int64_t depth = t.depth;
  const int64_t *step = t.step, *const stop = step + t.blocks;
  for (; step != stop; ++step) {
    STRIATE_UNROLL
    for (int p = 0; p < kPointers; ++p) at[p] += *step;
    int64_t k = 0;
    _Pragma("GCC unroll 1") for (; k + 4 <= depth; k += 4) {
      STRIATE_UNROLL
      for (int i = 0; i < 4; ++i) {
        gather_step<NV, NP, kRow>(sum, at, k + i, w + i * NV * kLanes);
      }
      w += 4 * NV * kLanes;
    }
    _Pragma("GCC unroll 1") for (; k < depth; ++k, w += NV * kLanes) {
      gather_step<NV, NP, kRow>(sum, at, k, w);
    }
  }
  if (t.residual != nullptr) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] += load(t.residual + v * t.c_vector + p * kLanes);
    }
  }
  if (t.clamp) {
    const Vector low = broadcast(t.low), high = broadcast(t.high);
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] = min(max(sum[v][p], low), high);
    }
  }
  STRIATE_UNROLL
  for (int v = 0; v < NV; ++v) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) store(t.c + v * t.c_vector + p * kLanes, sum[v][p]);
  }
}

typedef void (*GatherFunction)(const GatherTile&);

// Pixels of a tile beside 1, 2 or 3 vectors of output channels: about as many sums each.
constexpr int kGatherPixels[] = {2 * kTilePixels, kTilePixels, 2 * kTilePixels / 3};

template <int NV, int NP, bool kRow>
struct GatherTable {
  static constexpr void fill(GatherFunction* to) {
    to[NP - 1] = gather_tile<NV, NP, kRow>;
    if constexpr (NP > 1) GatherTable<NV, NP - 1, kRow>::fill(to);
  }
};

struct GatherFunctions {
  GatherFunction of[2][3][2 * kTilePixels] = {};
  constexpr GatherFunctions() {
    GatherTable<1, kGatherPixels[0], false>::fill(of[0][0]);
    GatherTable<2, kGatherPixels[1], false>::fill(of[0][1]);
    GatherTable<3, kGatherPixels[2], false>::fill(of[0][2]);
    GatherTable<1, kGatherPixels[0], true>::fill(of[1][0]);
    GatherTable<2, kGatherPixels[1], true>::fill(of[1][1]);
    GatherTable<3, kGatherPixels[2], true>::fill(of[1][2]);
  }
};

static constexpr GatherFunctions kGather;

}  // namespace striate::STRIATE_TARGET
