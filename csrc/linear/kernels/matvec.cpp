// Linear layers of 1 to 3 images: the weights pass once, at the rate of memory.
//
// A task takes some panels of outputs. Each line of weights is one k of a panel; it is fetched 4
// KiB ahead, which also carries over the ends of pages, and used for all images. A sum waits 4
// cycles for its last addition, so small panels keep several sums for k, k + 1, ...
#include "kernels/activate.hpp"
#include "linear/kernels/weights.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kMostBatch = 3;
constexpr int64_t kAhead = 1024;        // floats
constexpr int64_t kTaskFloats = 65536;  // 256 KiB: 10 to 20 us
constexpr int64_t kTasks = 16;

int64_t tasks(const LinearShape& s) {
  const int64_t wanted = most(kTasks, linear_weight_floats(s) / kTaskFloats);
  return least(panels_of(linear_vectors(s)), wanted);
}

bool fits(const LinearShape& s) {
  return s.batch <= kMostBatch;
}

Needs needs(const LinearShape& s, int) {
  Needs needs;
  needs.weight_floats = linear_weight_floats(s);
  needs.pack_tasks = panels_of(linear_vectors(s));
  needs.tasks[0] = tasks(s);
  return needs;
}

// NV vectors of outputs, NB images, NK sums each.
template <int NV, int NB, int NK>
void panel(const LinearShape& s, const float* x, const float* w, const float* bias, int64_t vector,
           float* y) {
  Vector sum[NK][NB][NV] = {};
  int64_t k = 0;
  const auto step = [&](int64_t j) STRIATE_LAMBDA {
    Vector weight[NV];
    __builtin_prefetch(w + kAhead, 0, 3);
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) weight[v] = load(w + v * kLanes);
    w += NV * kLanes;
    STRIATE_UNROLL
    for (int b = 0; b < NB; ++b) {
      const Vector in = broadcast(x[b * s.row + k + j]);
      STRIATE_UNROLL
      for (int v = 0; v < NV; ++v) {
        sum[j][b][v] += in * weight[v];
        pin(sum[j][b][v]);
      }
    }
  };
  _Pragma("GCC unroll 1") for (; k + NK <= s.row; k += NK) {
    STRIATE_UNROLL
    for (int j = 0; j < NK; ++j) step(j);
  }
  _Pragma("GCC unroll 1") for (; k < s.row; ++k) step(0);
  STRIATE_UNROLL
  for (int b = 0; b < NB; ++b) {
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      Vector total = sum[0][b][v];
      STRIATE_UNROLL
      for (int j = 1; j < NK; ++j) total += sum[j][b][v];
      if (bias != nullptr) total += load(bias + (vector + v) * kLanes);
      linear_store(s, activated(s.activation, total), vector + v, y + b * s.out_row);
    }
  }
}

typedef void (*Panel)(const LinearShape&, const float*, const float*, const float*, int64_t,
                      float*);

// By vectors and images; never more than 12 sums.
constexpr Panel kPanels[3][kMostBatch] = {
    {panel<1, 1, 4>, panel<1, 2, 4>, panel<1, 3, 4>},
    {panel<2, 1, 4>, panel<2, 2, 2>, panel<2, 3, 2>},
    {panel<3, 1, 4>, panel<3, 2, 2>, panel<3, 3, 1>},
};

void run(const LinearShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t vectors = linear_vectors(s), parts = tasks(s);
  const int64_t last = cut(panels_of(vectors), parts, stop);
  for (int64_t i = cut(panels_of(vectors), parts, first); i < last; ++i) {
    const float* bias = s.bias ? b.weight[1] : nullptr;
    const float* w = b.weight[0] + 2 * i * kLanes * s.row;
    kPanels[panel_vectors(vectors, i) - 1][s.batch - 1](s, b.in[0], w, bias, 2 * i, b.out[0]);
  }
}

}  // namespace

extern const Kernel<LinearShape> linear_matvec;
const Kernel<LinearShape> linear_matvec = {"matvec", fits, needs, linear_pack, run};

}  // namespace striate::STRIATE_TARGET
