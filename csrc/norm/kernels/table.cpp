#include "kernels/vector.hpp"
#include "norm/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<NormShape> norm_layer;
extern const Kernel<NormShape> norm_plain;
extern const Kernel<NormShape> norm_group;
extern const Kernel<NormShape> norm_response;

extern const Kernel<NormShape>* const norm_rows[];
const Kernel<NormShape>* const norm_rows[] = {&norm_layer, &norm_plain, &norm_group,
                                              &norm_response};
extern const int norm_row_count;
const int norm_row_count = sizeof(norm_rows) / sizeof(norm_rows[0]);

}  // namespace striate::STRIATE_TARGET
