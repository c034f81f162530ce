#include "activation_gradient/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<ActivationGradientShape> activation_gradient_flat;

extern const Kernel<ActivationGradientShape>* const activation_gradient_rows[];
const Kernel<ActivationGradientShape>* const activation_gradient_rows[] = {
    &activation_gradient_flat};
extern const int activation_gradient_row_count;
const int activation_gradient_row_count =
    sizeof(activation_gradient_rows) / sizeof(activation_gradient_rows[0]);

}  // namespace striate::STRIATE_TARGET
