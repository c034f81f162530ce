#include "elementwise/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<ElementwiseShape> elementwise_flat;
extern const Kernel<ElementwiseShape> elementwise_broadcast;

extern const Kernel<ElementwiseShape>* const elementwise_rows[];
const Kernel<ElementwiseShape>* const elementwise_rows[] = {&elementwise_flat,
                                                            &elementwise_broadcast};
extern const int elementwise_row_count;
const int elementwise_row_count = sizeof(elementwise_rows) / sizeof(elementwise_rows[0]);

}  // namespace striate::STRIATE_TARGET
