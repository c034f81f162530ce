// The kernels of the weight gradient, best first. The first that fits a shape runs unless a
// measurement says otherwise; tests go through all that fit.
#include "conv_weight/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<ConvWeightShape> conv_weight_depthwise;
extern const Kernel<ConvWeightShape> conv_weight_groups_of_4;
extern const Kernel<ConvWeightShape> conv_weight_first_winograd;
extern const Kernel<ConvWeightShape> conv_weight_first;
extern const Kernel<ConvWeightShape> conv_weight_winograd;
extern const Kernel<ConvWeightShape> conv_weight_int8x6;
extern const Kernel<ConvWeightShape> conv_weight_direct;
extern const Kernel<ConvWeightShape> conv_weight_reference;

extern const Kernel<ConvWeightShape>* const conv_weight_rows[];
const Kernel<ConvWeightShape>* const conv_weight_rows[] = {
    &conv_weight_depthwise, &conv_weight_groups_of_4, &conv_weight_first_winograd,
    &conv_weight_first,     &conv_weight_winograd,    &conv_weight_int8x6,
    &conv_weight_direct,    &conv_weight_reference,
};
extern const int conv_weight_row_count;
const int conv_weight_row_count = sizeof(conv_weight_rows) / sizeof(conv_weight_rows[0]);

}  // namespace striate::STRIATE_TARGET
