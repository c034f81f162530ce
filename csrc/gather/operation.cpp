#include "gather/operation.hpp"

#include "engine/words.hpp"

namespace striate {
namespace {

constexpr const char* kModes[] = {"take", "each", "add", "add_each"};
static_assert(sizeof(kModes) / sizeof(char*) == static_cast<int>(GatherMode::count));

}  // namespace

GatherShape GatherOperation::parse(const Attributes& a, int) {
  constexpr int64_t kMostPlaces = int64_t{1} << 24;  // what a float counts
  GatherShape s;
  s.mode = one_of(a, "mode", kModes, GatherMode::take);
  s.outer = a.integer("outer", 1, kMaxSize);
  s.size = a.integer("size", 1, kMostPlaces);
  s.count = a.integer("count", 1, kMaxSize);
  s.inner = a.integer("inner", 1, kMaxSize);
  checked_product(a, {s.outer, s.size, s.inner});
  checked_product(a, {s.outer, s.count, s.inner});
  return s;
}

Extents GatherOperation::extents(const Shape& s, int) {
  const int64_t x = s.outer * s.size * s.inner, y = s.outer * s.count * s.inner;
  return {{s.adds() ? y : x, s.each() ? y : s.count}, {s.adds() ? x : y}, {}, 3, 1};
}

}  // namespace striate
