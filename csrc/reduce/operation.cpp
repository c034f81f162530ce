#include "reduce/operation.hpp"

#include "engine/words.hpp"

namespace striate {
namespace {

constexpr const char* kModes[] = {"sum",         "mean",     "max",       "min",
                                  "prod",        "l1",       "l2",        "sum_square",
                                  "log_sum_exp", "variance", "deviation", "softmax",
                                  "log_softmax", "argmax",   "argmin",    "cumsum"};
static_assert(sizeof(kModes) / sizeof(char*) == static_cast<int>(ReduceMode::count));

}  // namespace

ReduceShape ReduceOperation::parse(const Attributes& a, int) {
  ReduceShape s;
  s.mode = one_of(a, "mode", kModes, ReduceMode::sum);
  s.outer = a.integer("outer", 1, kMaxSize);
  s.size = a.integer("size", 1, kMaxSize);
  if (s.finds_places() && s.size > int64_t{1} << 24) a.fail("size is more than a float counts.");
  s.inner = a.integer("inner", 1, kMaxSize);
  s.divisor = static_cast<float>(a.real("divisor", 1));
  checked_product(a, {s.outer, s.size, s.inner});
  return s;
}

Extents ReduceOperation::extents(const Shape& s, int) {
  const int64_t lines = s.outer * s.inner;
  Extents extents{{lines * s.size}, {s.keeps_size() ? lines * s.size : lines}, {}};
  extents.plain_in = extents.plain_out = 1;
  return extents;
}

}  // namespace striate
