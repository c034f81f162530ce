// The kernels of poolings' gradients, best first.
#include "kernels/vector.hpp"
#include "pool_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<PoolGradientShape> pool_gradient_whole;
extern const Kernel<PoolGradientShape> pool_gradient_average;
extern const Kernel<PoolGradientShape> pool_gradient_places;
extern const Kernel<PoolGradientShape> pool_gradient_largest;

extern const Kernel<PoolGradientShape>* const pool_gradient_rows[];
const Kernel<PoolGradientShape>* const pool_gradient_rows[] = {
    &pool_gradient_whole,
    &pool_gradient_average,
    &pool_gradient_places,
    &pool_gradient_largest,
};
extern const int pool_gradient_row_count;
const int pool_gradient_row_count = sizeof(pool_gradient_rows) / sizeof(pool_gradient_rows[0]);

}  // namespace striate::STRIATE_TARGET
