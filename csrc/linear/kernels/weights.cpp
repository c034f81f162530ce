#include "linear/kernels/weights.hpp"

namespace striate::STRIATE_TARGET {

void linear_pack(const LinearShape& s, const float* weight, float* packed) {
  const int64_t vectors = linear_vectors(s);
  float* const stop = packed + linear_weight_floats(s);
  for (int64_t panel = 0; panel < panels_of(vectors); ++panel) {
    const int64_t outputs = panel_vectors(vectors, panel) * kLanes;
    for (int64_t k = 0; k < s.row; ++k) {
      const int64_t feature = linear_feature(s, k);
      for (int64_t i = 0; i < outputs; ++i) {
        const int64_t o = panel * 2 * kLanes + i;
        const bool used = feature >= 0 && o < s.out_features;
        *packed++ = used ? weight[o * s.in_features + feature] : 0;
      }
    }
  }
  while (packed < stop) *packed++ = 0;
}

}  // namespace striate::STRIATE_TARGET
