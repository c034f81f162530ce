#include "gather/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<GatherShape> gather_lines;

extern const Kernel<GatherShape>* const gather_rows[];
const Kernel<GatherShape>* const gather_rows[] = {&gather_lines};
extern const int gather_row_count;
const int gather_row_count = sizeof(gather_rows) / sizeof(gather_rows[0]);

}  // namespace striate::STRIATE_TARGET
