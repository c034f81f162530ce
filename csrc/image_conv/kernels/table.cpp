// The kernels of convolutions with images as lanes, best first.
#include "image_conv/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<ImageConvShape> image_conv_winograd;
extern const Kernel<ImageConvShape> image_conv_rows_of_pixels;

extern const Kernel<ImageConvShape>* const image_conv_rows[];
const Kernel<ImageConvShape>* const image_conv_rows[] = {&image_conv_winograd,
                                                         &image_conv_rows_of_pixels};
extern const int image_conv_row_count;
const int image_conv_row_count = sizeof(image_conv_rows) / sizeof(image_conv_rows[0]);

}  // namespace striate::STRIATE_TARGET
