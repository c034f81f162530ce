// The targets: the same kernels, built for several instruction sets.
//
//   name        lanes  runs on
//   avx512      16     x86 with AVX-512 F, BW, DQ, VL
//   avx2        8      x86 with AVX2 and FMA
//   portable8   8      any processor; reads what was packed for avx2
//   portable16  16     any processor; reads what was packed for avx512
//
// A plan is made for a number of lanes, and runs on the best target with as many.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernel.hpp"
#include "optim/optim.hpp"
#include "rotate/rotate.hpp"

namespace striate {

struct BatchNormShape;
struct ConvShape;
struct ConvWeightShape;
struct ImageConvShape;
struct ImageConvWeightShape;
struct LayoutShape;
struct CopyShape;
struct ResizeShape;
struct NormShape;
struct LinearShape;
struct NormGradientShape;
struct PoolShape;
struct ElementwiseShape;
struct MatMulShape;
struct ReduceShape;
struct GatherShape;
struct PReLUGradientShape;
struct ActivationGradientShape;
struct PoolGradientShape;
struct SoftmaxGradientShape;
struct SumsShape;
struct CrossEntropyShape;

struct Target {
  const char* name;
  int lanes;
  Kernels<BatchNormShape> batch_norm;
  Kernels<ConvShape> conv;
  Kernels<ConvWeightShape> conv_weight;
  Kernels<ImageConvShape> image_conv;
  Kernels<ImageConvWeightShape> image_conv_weight;
  Kernels<LayoutShape> layout;
  Kernels<ElementwiseShape> elementwise;
  Kernels<CopyShape> copy;
  Kernels<ResizeShape> resize;
  Kernels<NormShape> norm;
  Kernels<NormGradientShape> norm_gradient;
  Kernels<LinearShape> linear;
  Kernels<PoolShape> pool;
  Kernels<MatMulShape> matmul;
  Kernels<ReduceShape> reduce;
  Kernels<ActivationGradientShape> activation_gradient;
  Kernels<PoolGradientShape> pool_gradient;
  Kernels<SoftmaxGradientShape> softmax_gradient;
  Kernels<SumsShape> sums;
  Kernels<CrossEntropyShape> cross_entropy;
  Kernels<GatherShape> gather;
  Kernels<PReLUGradientShape> prelu_gradient;
  Updates updates;  // of optimizers
  Rotates rotates;  // of images

  // For measurements. Floating-point operations done; `sink` has room for 64 floats.
  double (*multiply_add)(int64_t rounds, float* sink);
  void (*read)(const float* from, int64_t floats, float* sink);
};

// All that are built in and run on this machine, best first.
const std::vector<const Target*>& targets();
const Target& find_target(const std::string& name);  // throws std::invalid_argument

}  // namespace striate
