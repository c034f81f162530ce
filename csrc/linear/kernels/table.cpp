// The linear layers' kernels, best first.
#include "kernels/vector.hpp"
#include "linear/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<LinearShape> linear_matvec;
extern const Kernel<LinearShape> linear_product;
extern const Kernel<LinearShape> linear_reference;

extern const Kernel<LinearShape>* const linear_rows[];
const Kernel<LinearShape>* const linear_rows[] = {&linear_matvec, &linear_product,
                                                  &linear_reference};
extern const int linear_row_count;
const int linear_row_count = sizeof(linear_rows) / sizeof(linear_rows[0]);

}  // namespace striate::STRIATE_TARGET
