// The microkernel of every dense convolution: NV vectors of output channels by NP pixels.
//
//   c[v][p] = f( init + sum over b, k of  a[b][p][k] * w[b][k][v] )
//
//            k = 0 .. depth-1                       v = 0 .. NV-1, each a vector of L channels
//   a  block b: | p0: L floats | p1 | p2 | ...      w  block b: | k0: v0 v1 | k1: v0 v1 | ...
//   c  vector v: | p0: L floats | p1 | p2 | ...     the same layout as a: blocked maps throughout
//
// A block is a block of input channels (of one tap); `depth` of its L lanes are used. One input is
// broadcast, and multiplied with NV vectors of weights: NV * kTilePixels sums fill the registers.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/fetch.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

constexpr int64_t kGemmSteps = 4;  // channels at a time

struct GemmTile {
  const float* a;
  int64_t a_block;  // floats from block to block
  int64_t blocks, depth;
  const float* w;
  float* c;
  int64_t c_vector;       // floats from one vector of output channels to the next, also of residual
  const float* bias;      // NV vectors to start from; null: 0, unless `accumulate`
  const float* residual;  // added before the activation; null: none
  bool accumulate;        // start from what c holds
  bool clamp;             // f = min(max(x, low), high)
  float low, high;
  // Weights to fetch meanwhile, `next_lines` lines at kGemmSteps channels.
  const float *next, *next_stop;
  int64_t next_lines;
};

template <int NV, int NP>
STRIATE_INLINE void gemm_steps(Vector (&sum)[NV][NP], const float* a, const float* w) {
  // GCC would load the inputs of several steps at once, and spill them: 43 GFLOP/s for 97.
  asm volatile("" ::: "memory");
  Vector weight[NV];
  STRIATE_UNROLL
  for (int i = 0; i < NV; ++i) weight[i] = load(w + i * kLanes);
  STRIATE_UNROLL
  for (int p = 0; p < NP; ++p) {
    const Vector x = broadcast(a[p * kLanes]);
    STRIATE_UNROLL
    for (int i = 0; i < NV; ++i) {
      sum[i][p] += x * weight[i];
      pin(sum[i][p]);
    }
  }
}

template <int NV, int NP>
static void gemm_tile(const GemmTile& t) {
  Vector sum[NV][NP];
  STRIATE_UNROLL
  for (int v = 0; v < NV; ++v) {
    const Vector start = t.bias != nullptr ? load(t.bias + v * kLanes) : Vector{};
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) sum[v][p] = start;
  }
  if (t.accumulate) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] = load(t.c + v * t.c_vector + p * kLanes);
    }
  }
  const float *a = t.a, *w = t.w, *next = t.next;
  for (int64_t b = 0; b < t.blocks; ++b) {
    int64_t k = 0;
    _Pragma("GCC unroll 1") for (; k + kGemmSteps <= t.depth; k += kGemmSteps) {
      fetch_lines(next, t.next_stop, t.next_lines);
      STRIATE_UNROLL
      for (int i = 0; i < kGemmSteps; ++i) gemm_steps<NV, NP>(sum, a + k + i, w + i * NV * kLanes);
      w += kGemmSteps * NV * kLanes;
    }
    _Pragma("GCC unroll 1") for (; k < t.depth; ++k, w += NV * kLanes) {
      gemm_steps<NV, NP>(sum, a + k, w);
    }
    a += t.a_block;
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
      for (int p = 0; p < NP; ++p) sum[v][p] = min(high, max(low, sum[v][p]));
    }
  }
  STRIATE_UNROLL
  for (int v = 0; v < NV; ++v) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) store(t.c + v * t.c_vector + p * kLanes, sum[v][p]);
  }
}

// The same tile of several products, of all lanes of `blocks` blocks each, from 0: without a call a
// product, which costs as much as 16 channels.
struct GemmProducts {
  const float *a, *w;
  float* c;
  int64_t blocks, count;
  int64_t a_block, c_vector;
  int64_t a_product, w_product, c_product;  // floats from product to product
};

template <int NV, int NP>
static void gemm_products(const GemmProducts& given) {
  const GemmProducts t = given;
  for (int64_t product = 0; product < t.count; ++product) {
    Vector sum[NV][NP] = {};
    const float *a = t.a + product * t.a_product, *w = t.w + product * t.w_product;
    for (int64_t b = 0; b < t.blocks; ++b, a += t.a_block) {
      STRIATE_UNROLL
      for (int i = 0; i < kLanes; ++i, w += NV * kLanes) gemm_steps<NV, NP>(sum, a + i, w);
    }
    float* const c = t.c + product * t.c_product;
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) store(c + v * t.c_vector + p * kLanes, sum[v][p]);
    }
  }
}

// One tile, of sums that lie in several places: `count` parts with so many blocks each.
struct GemmParts {
  static constexpr int kMost = 8;
  struct Part {
    const float *a, *w;
    int64_t blocks, depth;
  } of[kMost];
  int64_t count;
  int64_t a_block, c_vector;
  float* c;
  bool accumulate;
};

template <int NV, int NP>
static void gemm_parts(const GemmParts& t) {
  Vector sum[NV][NP] = {};
  if (t.accumulate) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      STRIATE_UNROLL
      for (int p = 0; p < NP; ++p) sum[v][p] = load(t.c + v * t.c_vector + p * kLanes);
    }
  }
  for (int64_t i = 0; i < t.count; ++i) {
    const GemmParts::Part part = t.of[i];
    const float* w = part.w;
    for (int64_t b = 0; b < part.blocks; ++b) {
      const float* a = part.a + b * t.a_block;
      int64_t k = 0;
      _Pragma("GCC unroll 1") for (; k + kGemmSteps <= part.depth; k += kGemmSteps) {
        STRIATE_UNROLL
        for (int j = 0; j < kGemmSteps; ++j) {
          gemm_steps<NV, NP>(sum, a + k + j, w + j * NV * kLanes);
        }
        w += kGemmSteps * NV * kLanes;
      }
      _Pragma("GCC unroll 1") for (; k < part.depth; ++k, w += NV * kLanes) {
        gemm_steps<NV, NP>(sum, a + k, w);
      }
    }
  }
  STRIATE_UNROLL
  for (int v = 0; v < NV; ++v) {
    STRIATE_UNROLL
    for (int p = 0; p < NP; ++p) store(t.c + v * t.c_vector + p * kLanes, sum[v][p]);
  }
}

typedef void (*GemmFunction)(const GemmTile&);
typedef void (*GemmProductsFunction)(const GemmProducts&);
typedef void (*GemmPartsFunction)(const GemmParts&);

// gemm_function(vectors, pixels) for 1 .. 2 vectors and 1 .. kTilePixels pixels.
template <int NV, int NP>
struct GemmTable {
  static constexpr void fill(GemmFunction* to) {
    to[NP - 1] = gemm_tile<NV, NP>;
    if constexpr (NP > 1) GemmTable<NV, NP - 1>::fill(to);
  }
  static constexpr void fill(GemmProductsFunction* to) {
    to[NP - 1] = gemm_products<NV, NP>;
    if constexpr (NP > 1) GemmTable<NV, NP - 1>::fill(to);
  }
  static constexpr void fill(GemmPartsFunction* to) {
    to[NP - 1] = gemm_parts<NV, NP>;
    if constexpr (NP > 1) GemmTable<NV, NP - 1>::fill(to);
  }
};

template <typename Function>
struct GemmFunctions {
  Function of[2][kTilePixels] = {};
  constexpr GemmFunctions() {
    GemmTable<1, kTilePixels>::fill(of[0]);
    GemmTable<2, kTilePixels>::fill(of[1]);
  }
};

static constexpr GemmFunctions<GemmFunction> kGemm;
static constexpr GemmFunctions<GemmProductsFunction> kGemmProducts;
static constexpr GemmFunctions<GemmPartsFunction> kGemmParts;

STRIATE_INLINE GemmFunction gemm_function(int64_t vectors, int64_t pixels) {
  return kGemm.of[vectors - 1][pixels - 1];
}

}  // namespace striate::STRIATE_TARGET
