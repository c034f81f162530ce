#include "engine/activations.hpp"

namespace striate {
namespace {

constexpr const char* kNames[] = {
    "none",       "clamp", "leaky_relu", "elu",       "sigmoid",     "hard_sigmoid", "silu",
    "hard_swish", "tanh",  "gelu",       "gelu_tanh", "softplus",    "mish",         "exp",
    "log",        "abs",   "sqrt",       "rsqrt",     "square",      "negative",     "reciprocal",
    "softsign",   "erf",   "selu",       "celu",      "log_sigmoid", "threshold",    "sin",
    "cos",        "sign",  "floor",      "ceil",      "round",       "logical_not"};
static_assert(sizeof(kNames) / sizeof(char*) == static_cast<int>(Activation::count));

}  // namespace

ActivationSpec parse_activation(const Attributes& attributes) {
  ActivationSpec spec;
  const std::string name = attributes.word("activation", "none");
  for (int i = 0; i < static_cast<int>(Activation::count); ++i) {
    if (name != kNames[i]) continue;
    spec.kind = static_cast<Activation>(i);
    spec.alpha = static_cast<float>(attributes.real("alpha", 0));
    spec.beta = static_cast<float>(attributes.real("beta", 0));
    if (spec.kind == Activation::selu && spec.alpha == 0 && spec.beta == 0) {
      spec.alpha = 1.6732632423543772f;
      spec.beta = 1.0507009873554805f;
    }
    return spec;
  }
  attributes.fail("activation '" + name + "' is not known.");
}

}  // namespace striate
