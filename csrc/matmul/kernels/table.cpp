#include "kernels/vector.hpp"
#include "matmul/shape.hpp"

namespace striate::STRIATE_TARGET {

extern const Kernel<MatMulShape> matmul_blocks, matmul_in_place;

extern const Kernel<MatMulShape>* const matmul_rows[];
const Kernel<MatMulShape>* const matmul_rows[] = {&matmul_in_place, &matmul_blocks};
extern const int matmul_row_count;
const int matmul_row_count = sizeof(matmul_rows) / sizeof(matmul_rows[0]);

}  // namespace striate::STRIATE_TARGET
