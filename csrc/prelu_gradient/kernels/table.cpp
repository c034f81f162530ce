#include "kernels/vector.hpp"
#include "prelu_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<PReLUGradientShape> prelu_gradient_blocks;

extern const Kernel<PReLUGradientShape>* const prelu_gradient_rows[];
const Kernel<PReLUGradientShape>* const prelu_gradient_rows[] = {&prelu_gradient_blocks};
extern const int prelu_gradient_row_count;
const int prelu_gradient_row_count = sizeof(prelu_gradient_rows) / sizeof(prelu_gradient_rows[0]);

}  // namespace striate::STRIATE_TARGET
