#include "kernels/vector.hpp"
#include "softmax_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<SoftmaxGradientShape> softmax_gradient_lines;

extern const Kernel<SoftmaxGradientShape>* const softmax_gradient_rows[];
const Kernel<SoftmaxGradientShape>* const softmax_gradient_rows[] = {&softmax_gradient_lines};
extern const int softmax_gradient_row_count;
const int softmax_gradient_row_count =
    sizeof(softmax_gradient_rows) / sizeof(softmax_gradient_rows[0]);

}  // namespace striate::STRIATE_TARGET
