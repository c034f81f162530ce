#include "kernels/vector.hpp"
#include "sums/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<SumsShape> sums_blocks;

extern const Kernel<SumsShape>* const sums_rows[];
const Kernel<SumsShape>* const sums_rows[] = {&sums_blocks};
extern const int sums_row_count;
const int sums_row_count = sizeof(sums_rows) / sizeof(sums_rows[0]);

}  // namespace striate::STRIATE_TARGET
