#include "kernels/vector.hpp"
#include "layout/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<LayoutShape> layout_blocked;

extern const Kernel<LayoutShape>* const layout_rows[];
const Kernel<LayoutShape>* const layout_rows[] = {&layout_blocked};
extern const int layout_row_count;
const int layout_row_count = sizeof(layout_rows) / sizeof(layout_rows[0]);

}  // namespace striate::STRIATE_TARGET
