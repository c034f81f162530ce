// The convolution kernels, best first. The first that fits a shape runs unless the cost model, a
// measurement or STRIATE_CONV says otherwise; tests and benchmark go through all that fit.
#include "conv/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<ConvShape> conv_depthwise;
extern const Kernel<ConvShape> conv_groups_of_4;
extern const Kernel<ConvShape> conv_first_columns;
extern const Kernel<ConvShape> conv_first_halves;
extern const Kernel<ConvShape> conv_first_pairs;
extern const Kernel<ConvShape> conv_winograd4_3x3_1;
extern const Kernel<ConvShape> conv_winograd4_5x5_2;
extern const Kernel<ConvShape> conv_winograd4_7x7_2;
extern const Kernel<ConvShape> conv_winograd4_7x7_4;
extern const Kernel<ConvShape> conv_winograd4_11x11_4;
extern const Kernel<ConvShape> conv_first;
extern const Kernel<ConvShape> conv_winograd2_5x1;
extern const Kernel<ConvShape> conv_pairs;
extern const Kernel<ConvShape> conv_winograd2_5x5;
extern const Kernel<ConvShape> conv_winograd6;
extern const Kernel<ConvShape> conv_winograd4;
extern const Kernel<ConvShape> conv_winograd4_int8x6;
extern const Kernel<ConvShape> conv_winograd4_streamed;
extern const Kernel<ConvShape> conv_winograd4_strided;
extern const Kernel<ConvShape> conv_winograd2;
extern const Kernel<ConvShape> conv_winograd2_streamed;
extern const Kernel<ConvShape> conv_winograd4_5;
extern const Kernel<ConvShape> conv_winograd2_5;
extern const Kernel<ConvShape> conv_int8x6;
extern const Kernel<ConvShape> conv_direct;
extern const Kernel<ConvShape> conv_reference;

extern const Kernel<ConvShape>* const conv_rows[];
const Kernel<ConvShape>* const conv_rows[] = {
    &conv_depthwise,
    &conv_groups_of_4,
    &conv_first_columns,
    &conv_first_halves,
    &conv_first_pairs,
    &conv_winograd4_3x3_1,
    &conv_winograd4_5x5_2,
    &conv_winograd4_7x7_2,
    &conv_winograd4_7x7_4,
    &conv_winograd4_11x11_4,
    &conv_first,
    &conv_winograd2_5x1,
    &conv_pairs,
    &conv_winograd2_5x5,
    &conv_winograd6,
    &conv_winograd4,
    &conv_winograd4_int8x6,
    &conv_winograd4_streamed,
    &conv_winograd4_strided,
    &conv_winograd2,
    &conv_winograd2_streamed,
    &conv_winograd4_5,
    &conv_winograd2_5,
    &conv_int8x6,
    &conv_direct,
    &conv_reference,
};
extern const int conv_row_count;
const int conv_row_count = sizeof(conv_rows) / sizeof(conv_rows[0]);

}  // namespace striate::STRIATE_TARGET
