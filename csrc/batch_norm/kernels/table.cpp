#include "batch_norm/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<BatchNormShape> batch_norm_moments;
extern const Kernel<BatchNormShape> batch_norm_normalise;
extern const Kernel<BatchNormShape> batch_norm_gradient;

extern const Kernel<BatchNormShape>* const batch_norm_rows[];
const Kernel<BatchNormShape>* const batch_norm_rows[] = {&batch_norm_moments, &batch_norm_normalise,
                                                         &batch_norm_gradient};
extern const int batch_norm_row_count;
const int batch_norm_row_count = sizeof(batch_norm_rows) / sizeof(batch_norm_rows[0]);

}  // namespace striate::STRIATE_TARGET
