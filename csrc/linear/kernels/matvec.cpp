// Linear layers of 1 to 3 images: the weights pass once, at the rate of memory.
//
// A task takes some panels of outputs. Each line of weights is one k of a panel, used for all
// images. A sum waits 4 cycles for its last addition: there are several, which take k in turns. A
// core fetches several parts of memory at once sooner than one: beyond L2 each has a part of k of
// its own, and weights are asked for 4 KiB ahead, which also carries over the ends of pages.
#include "kernels/activate.hpp"
#include "kernels/fetch.hpp"
#include "linear/kernels/weights.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kMostBatch = 3;
constexpr int64_t kAhead = 1024;        // floats
constexpr int64_t kNear = 1 << 19;      // floats: 2 MiB
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

// NV vectors of outputs, NB images, NK sums of each; weights from Far away.
template <int NV, int NB, int NK, bool Far>
void panel(const LinearShape& s, const float* x, const float* w, const float* bias, int64_t vector,
           float* y) {
  Vector sum[NK][NB][NV] = {};
  const int64_t part = s.row / NK;
  const auto step = [&](int j, int64_t k) STRIATE_LAMBDA {
    const float* line = w + k * NV * kLanes;
    Vector weight[NV];
    STRIATE_UNROLL
    for (int v = 0; v < NV; ++v) {
      if (Far && v * kLanes % kLineFloats == 0)
        __builtin_prefetch(line + v * kLanes + kAhead, 0, 3);
      weight[v] = load(line + v * kLanes);
    }
    STRIATE_UNROLL
    for (int b = 0; b < NB; ++b) {
      const Vector in = broadcast(x[b * s.row + k]);
      STRIATE_UNROLL
      for (int v = 0; v < NV; ++v) {
        sum[j][b][v] += in * weight[v];
        pin(sum[j][b][v]);
      }
    }
  };
  _Pragma("GCC unroll 1") for (int64_t k = 0; k < part; ++k) {
    STRIATE_UNROLL
    for (int j = 0; j < NK; ++j) step(j, Far ? j * part + k : k * NK + j);
  }
  _Pragma("GCC unroll 1") for (int64_t k = NK * part; k < s.row; ++k) step(0, k);
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
template <bool Far>
constexpr Panel kPanels[3][kMostBatch] = {
    {panel<1, 1, 4, Far>, panel<1, 2, 4, Far>, panel<1, 3, 4, Far>},
    {panel<2, 1, 4, Far>, panel<2, 2, 2, Far>, panel<2, 3, 2, Far>},
    {panel<3, 1, 4, Far>, panel<3, 2, 2, Far>, panel<3, 3, 1, Far>},
};

void run(const LinearShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t vectors = linear_vectors(s), parts = tasks(s);
  const auto& panels = linear_weight_floats(s) > kNear ? kPanels<true> : kPanels<false>;
  const int64_t last = cut(panels_of(vectors), parts, stop);
  for (int64_t i = cut(panels_of(vectors), parts, first); i < last; ++i) {
    const float* bias = s.bias ? b.weight[1] : nullptr;
    const float* w = b.weight[0] + 2 * i * kLanes * s.row;
    panels[panel_vectors(vectors, i) - 1][s.batch - 1](s, b.in[0], w, bias, 2 * i, b.out[0]);
  }
}

}  // namespace

extern const Kernel<LinearShape> linear_matvec;
const Kernel<LinearShape> linear_matvec = {"matvec", fits, needs, linear_pack, run};

}  // namespace striate::STRIATE_TARGET
