#include "softmax_gradient/operation.hpp"

namespace striate {

SoftmaxGradientShape SoftmaxGradientOperation::parse(const Attributes& a, int) {
  SoftmaxGradientShape s;
  s.outer = a.integer("outer", 1, kMaxSize);
  s.size = a.integer("size", 1, kMaxSize);
  s.inner = a.integer("inner", 1, kMaxSize);
  s.log = a.flag("log");
  checked_product(a, {s.outer, s.size, s.inner});
  return s;
}

Extents SoftmaxGradientOperation::extents(const Shape& s, int) {
  const int64_t floats = s.outer * s.size * s.inner;
  return {{floats, floats}, {floats}, {}, 3, 1};
}

}  // namespace striate
