#include "kernels/vector.hpp"
#include "resize/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<ResizeShape> resize_separable;

extern const Kernel<ResizeShape>* const resize_rows[];
const Kernel<ResizeShape>* const resize_rows[] = {&resize_separable};
extern const int resize_row_count;
const int resize_row_count = sizeof(resize_rows) / sizeof(resize_rows[0]);

}  // namespace striate::STRIATE_TARGET
