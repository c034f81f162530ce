#include "cross_entropy/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<CrossEntropyShape> cross_entropy_images;

extern const Kernel<CrossEntropyShape>* const cross_entropy_rows[];
const Kernel<CrossEntropyShape>* const cross_entropy_rows[] = {&cross_entropy_images};
extern const int cross_entropy_row_count;
const int cross_entropy_row_count = sizeof(cross_entropy_rows) / sizeof(cross_entropy_rows[0]);

}  // namespace striate::STRIATE_TARGET
