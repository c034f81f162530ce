// The table of operations: every kind of step, one row each.
#include "activation_gradient/operation.hpp"
#include "batch_norm/operation.hpp"
#include "conv/operation.hpp"
#include "conv_weight/operation.hpp"
#include "copy/operation.hpp"
#include "cross_entropy/operation.hpp"
#include "elementwise/operation.hpp"
#include "engine/pack.hpp"
#include "engine/step.hpp"
#include "gather/operation.hpp"
#include "image_conv/operation.hpp"
#include "image_conv_weight/operation.hpp"
#include "layout/operation.hpp"
#include "linear/operation.hpp"
#include "matmul/operation.hpp"
#include "norm/operation.hpp"
#include "norm_gradient/operation.hpp"
#include "pool/operation.hpp"
#include "pool_gradient/operation.hpp"
#include "prelu_gradient/operation.hpp"
#include "reduce/operation.hpp"
#include "resize/operation.hpp"
#include "softmax_gradient/operation.hpp"
#include "sums/operation.hpp"

namespace striate {
namespace {

template <typename Operation>
StepKind row() {
  return {Operation::kKind,
          [](const Target& target, const Attributes& attributes) {
            const auto shape = Operation::parse(attributes, target.lanes);
            const auto& kernels = Operation::kernels(target);
            std::vector<std::string> names;
            for (int i = 0; i < kernels.count; ++i) {
              if (kernels.rows[i]->fits(shape)) names.push_back(kernels.rows[i]->name);
            }
            return names;
          },
          [](const Target& target, const std::string& name, const Attributes& attributes,
             int threads) -> std::unique_ptr<Step> {
            const auto shape = Operation::parse(attributes, target.lanes);
            const auto& kernels = Operation::kernels(target);
            for (int i = 0; i < kernels.count; ++i) {
              const auto& kernel = *kernels.rows[i];
              if (name != kernel.name) continue;
              if (!kernel.fits(shape)) {
                attributes.fail("kernel '" + name + "' does not compute this shape.");
              }
              return std::make_unique<KernelStep<Operation>>(shape, kernel, target.lanes, threads);
            }
            attributes.fail("there is no kernel '" + name + "'.");
          },
          [](const Target& target) {
            const auto& kernels = Operation::kernels(target);
            std::vector<std::string> names;
            for (int i = 0; i < kernels.count; ++i) names.push_back(kernels.rows[i]->name);
            return names;
          }};
}

}  // namespace

const std::vector<StepKind>& step_kinds() {
  static const std::vector<StepKind> kinds = {
      // clang-format off
      pack_step_kind(),
      row<ActivationGradientOperation>(),
      row<BatchNormOperation>(),
      row<ConvOperation>(),
      row<ConvWeightOperation>(),
      row<CopyOperation>(),
      row<CrossEntropyOperation>(),
      row<ElementwiseOperation>(),
      row<ImageConvOperation>(),
      row<ImageConvWeightOperation>(),
      row<GatherOperation>(),
      row<LayoutOperation>(),
      row<LinearOperation>(),
      row<MatMulOperation>(),
      row<NormGradientOperation>(),
      row<NormOperation>(),
      row<PoolGradientOperation>(),
      row<PoolOperation>(),
      row<PReLUGradientOperation>(),
      row<ReduceOperation>(),
      row<ResizeOperation>(),
      row<SoftmaxGradientOperation>(),
      row<SumsOperation>(),
      // clang-format on
  };
  return kinds;
}

const StepKind& find_step_kind(const std::string& kind) {
  std::string known;
  for (const StepKind& row : step_kinds()) {
    if (row.kind == kind) return row;
    known += std::string(known.empty() ? "" : ", ") + row.kind;
  }
  throw std::invalid_argument("step '" + kind + "' is not known; " + known + " are.");
}

}  // namespace striate
