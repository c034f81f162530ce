#include "kernels/vector.hpp"
#include "norm_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<NormGradientShape> norm_gradient_layer;
extern const Kernel<NormGradientShape> norm_gradient_plain;
extern const Kernel<NormGradientShape> norm_gradient_group;
extern const Kernel<NormGradientShape> norm_gradient_response;

extern const Kernel<NormGradientShape>* const norm_gradient_rows[];
const Kernel<NormGradientShape>* const norm_gradient_rows[] = {
    &norm_gradient_layer, &norm_gradient_plain, &norm_gradient_group, &norm_gradient_response};
extern const int norm_gradient_row_count;
const int norm_gradient_row_count = sizeof(norm_gradient_rows) / sizeof(norm_gradient_rows[0]);

}  // namespace striate::STRIATE_TARGET
