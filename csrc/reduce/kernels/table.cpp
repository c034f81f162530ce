#include "kernels/vector.hpp"
#include "reduce/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<ReduceShape> reduce_rows_kernel;
extern const Kernel<ReduceShape> reduce_columns;
extern const Kernel<ReduceShape> reduce_places;
extern const Kernel<ReduceShape> reduce_running;

extern const Kernel<ReduceShape>* const reduce_rows[];
const Kernel<ReduceShape>* const reduce_rows[] = {&reduce_rows_kernel, &reduce_columns,
                                                  &reduce_places, &reduce_running};
extern const int reduce_row_count;
const int reduce_row_count = sizeof(reduce_rows) / sizeof(reduce_rows[0]);

}  // namespace striate::STRIATE_TARGET
