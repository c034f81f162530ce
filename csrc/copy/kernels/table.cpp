#include "copy/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<CopyShape> copy_strided;
extern const Kernel<CopyShape> copy_channels;
extern const Kernel<CopyShape> copy_pixels;

extern const Kernel<CopyShape>* const copy_rows[];
const Kernel<CopyShape>* const copy_rows[] = {&copy_strided, &copy_channels, &copy_pixels};
extern const int copy_row_count;
const int copy_row_count = sizeof(copy_rows) / sizeof(copy_rows[0]);

}  // namespace striate::STRIATE_TARGET
