// The pooling kernels, best first.
#include "kernels/vector.hpp"
#include "pool/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<PoolShape> pool_whole;
extern const Kernel<PoolShape> pool_rows;
extern const Kernel<PoolShape> pool_places;

extern const Kernel<PoolShape>* const pool_table[];
const Kernel<PoolShape>* const pool_table[] = {
    &pool_whole,
    &pool_rows,
    &pool_places,
};
extern const int pool_table_count;
const int pool_table_count = sizeof(pool_table) / sizeof(pool_table[0]);

}  // namespace striate::STRIATE_TARGET
