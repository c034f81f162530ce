// The kernels of one target: compiled once for each.
#include "kernels/target.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

#define STRIATE_TEXT_OF(name) #name
#define STRIATE_TEXT(name) STRIATE_TEXT_OF(name)

// Each family's folder has a table.cpp with its rows.
extern const Kernel<BatchNormShape>* const batch_norm_rows[];
extern const int batch_norm_row_count;
extern const Kernel<ConvShape>* const conv_rows[];
extern const int conv_row_count;
extern const Kernel<ConvWeightShape>* const conv_weight_rows[];
extern const int conv_weight_row_count;
extern const Kernel<ImageConvShape>* const image_conv_rows[];
extern const int image_conv_row_count;
extern const Kernel<ImageConvWeightShape>* const image_conv_weight_rows[];
extern const int image_conv_weight_row_count;
extern const Kernel<LayoutShape>* const layout_rows[];
extern const int layout_row_count;
extern const Kernel<ElementwiseShape>* const elementwise_rows[];
extern const int elementwise_row_count;
extern const Kernel<CopyShape>* const copy_rows[];
extern const int copy_row_count;
extern const Kernel<ResizeShape>* const resize_rows[];
extern const int resize_row_count;
extern const Kernel<NormShape>* const norm_rows[];
extern const int norm_row_count;
extern const Kernel<NormGradientShape>* const norm_gradient_rows[];
extern const int norm_gradient_row_count;
extern const Kernel<LinearShape>* const linear_rows[];
extern const int linear_row_count;
extern const Kernel<PoolShape>* const pool_table[];
extern const int pool_table_count;
extern const Kernel<MatMulShape>* const matmul_rows[];
extern const int matmul_row_count;
extern const Kernel<ReduceShape>* const reduce_rows[];
extern const int reduce_row_count;
extern const Kernel<ActivationGradientShape>* const activation_gradient_rows[];
extern const int activation_gradient_row_count;
extern const Kernel<PoolGradientShape>* const pool_gradient_rows[];
extern const int pool_gradient_row_count;
extern const Kernel<SoftmaxGradientShape>* const softmax_gradient_rows[];
extern const int softmax_gradient_row_count;
extern const Kernel<SumsShape>* const sums_rows[];
extern const int sums_row_count;
extern const Kernel<CrossEntropyShape>* const cross_entropy_rows[];
extern const int cross_entropy_row_count;
extern const Kernel<GatherShape>* const gather_rows[];
extern const int gather_row_count;
extern const Kernel<PReLUGradientShape>* const prelu_gradient_rows[];
extern const int prelu_gradient_row_count;
extern const Updates updates;
extern const Rotates rotates;
double multiply_add(int64_t rounds, float* sink);  // speed.cpp
void read(const float* from, int64_t floats, float* sink);

extern const Target target;
const Target target = {
    STRIATE_TEXT(STRIATE_TARGET),
    kLanes,
    {batch_norm_rows, batch_norm_row_count},
    {conv_rows, conv_row_count},
    {conv_weight_rows, conv_weight_row_count},
    {image_conv_rows, image_conv_row_count},
    {image_conv_weight_rows, image_conv_weight_row_count},
    {layout_rows, layout_row_count},
    {elementwise_rows, elementwise_row_count},
    {copy_rows, copy_row_count},
    {resize_rows, resize_row_count},
    {norm_rows, norm_row_count},
    {norm_gradient_rows, norm_gradient_row_count},
    {linear_rows, linear_row_count},
    {pool_table, pool_table_count},
    {matmul_rows, matmul_row_count},
    {reduce_rows, reduce_row_count},
    {activation_gradient_rows, activation_gradient_row_count},
    {pool_gradient_rows, pool_gradient_row_count},
    {softmax_gradient_rows, softmax_gradient_row_count},
    {sums_rows, sums_row_count},
    {cross_entropy_rows, cross_entropy_row_count},
    {gather_rows, gather_row_count},
    {prelu_gradient_rows, prelu_gradient_row_count},
    updates,
    rotates,
    multiply_add,
    read,
};

}  // namespace striate::STRIATE_TARGET
