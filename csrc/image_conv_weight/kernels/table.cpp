// The kernels of gradients for filters with images as lanes, best first.
#include "image_conv_weight/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<ImageConvWeightShape> image_conv_weight_winograd;
extern const Kernel<ImageConvWeightShape> image_conv_weight_taps;

extern const Kernel<ImageConvWeightShape>* const image_conv_weight_rows[];
const Kernel<ImageConvWeightShape>* const image_conv_weight_rows[] = {&image_conv_weight_winograd,
                                                                      &image_conv_weight_taps};
extern const int image_conv_weight_row_count;
const int image_conv_weight_row_count =
    sizeof(image_conv_weight_rows) / sizeof(image_conv_weight_rows[0]);

}  // namespace striate::STRIATE_TARGET
