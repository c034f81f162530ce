#include "cross_entropy/operation.hpp"

namespace striate {

CrossEntropyShape CrossEntropyOperation::parse(const Attributes& a, int) {
  CrossEntropyShape s;
  s.batch = a.integer("batch", 1, kMaxSize);
  s.classes = a.integer("classes", 1, int64_t{1} << 24);
  checked_product(a, {s.batch, s.classes});
  const double smoothing = a.real("label_smoothing", 0);
  if (!(smoothing >= 0 && smoothing <= 1)) a.fail("label_smoothing must be from 0 to 1.");
  s.label_smoothing = static_cast<float>(smoothing);
  s.gradient = a.flag("gradient");
  return s;
}

Extents CrossEntropyOperation::extents(const Shape& s, int) {
  const int64_t floats = s.batch * s.classes;
  if (s.gradient) return {{floats, s.batch, 1}, {floats}, {}, 7, 1};
  return {{floats, s.batch}, {1}, {}, 3, 1};
}

}  // namespace striate
