// Linear layers by the definition, a row of y a task; sums are kept in float64. The weights stay as
// they are.
#include "kernels/activate.hpp"
#include "linear/kernels/weights.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const LinearShape&) {
  return true;
}

Needs needs(const LinearShape& s, int) {
  Needs needs;
  needs.weight_floats = s.out_features * s.in_features;
  needs.tasks[0] = s.batch;
  return needs;
}

void pack(const LinearShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  for (int64_t o = 0; o < s.out_features; ++o) {
    for (int64_t i = 0; i < s.in_features; ++i) *packed++ = w.first[o * w.output + i * w.channel];
  }
}

void run(const LinearShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  for (int64_t n = first; n < stop; ++n) {
    float* y = b.out[0] + n * s.out_row;
    for (int64_t o = s.out_features; o < s.out_row; ++o) y[o] = 0;
    for (int64_t o = 0; o < s.out_features; ++o) {
      double sum = s.bias ? b.weight[1][o] : 0;
      for (int64_t k = 0; k < s.row; ++k) {
        const int64_t feature = linear_feature(s, k);
        if (feature < 0) continue;
        sum +=
            static_cast<double>(b.weight[0][o * s.in_features + feature]) * b.in[0][n * s.row + k];
      }
      alignas(64) float lanes[kLanes];
      store(lanes, activated(s.activation, broadcast(static_cast<float>(sum))));
      y[o] = lanes[0];
    }
  }
}

}  // namespace

extern const Kernel<LinearShape> linear_reference;
const Kernel<LinearShape> linear_reference = {"reference", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
