#include "norm/operation.hpp"

#include "engine/activations.hpp"
#include "engine/maps.hpp"
#include "engine/words.hpp"

namespace striate {
namespace {

constexpr const char* kModes[] = {"layer", "group", "response"};
static_assert(sizeof(kModes) / sizeof(char*) == static_cast<int>(NormMode::count));

}  // namespace

NormShape NormOperation::parse(const Attributes& a, int lanes) {
  NormShape s;
  s.mode = one_of(a, "mode", kModes, NormMode::layer);
  s.batch = a.integer("batch", 1, kMaxSize);
  s.channels = a.integer("channels", 1, kMaxSize);
  s.plain = a.flag("plain");
  s.pixels = a.integer("pixels", 1, s.plain ? 1 : kMaxSize, 1);
  if (s.plain && s.mode != NormMode::layer) a.fail("plain rows have layer normalisation alone.");
  const int64_t unit = s.plain ? 1 : lanes;
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.channels, s.pixels, unit);
  s.y_batch_stride = batch_stride(a, "y_batch_stride", s.channels, s.pixels, unit);
  checked_product(a, {s.batch, s.x_batch_stride, 8});
  checked_product(a, {s.batch, s.y_batch_stride, 8});
  s.groups = a.integer("groups", 1, kMaxSize, 1);
  if (s.channels % s.groups) a.fail("groups must divide channels.");
  s.size = a.integer("size", 1, kMaxSize, 1);
  s.rms = a.flag("rms");
  s.weight = a.flag("weight");
  s.bias = a.flag("bias");
  s.eps = static_cast<float>(a.real("eps", 1e-5));
  s.k = static_cast<float>(a.real("k", 1));
  s.scale = static_cast<float>(a.real("scale", 1e-4));
  s.power = static_cast<float>(a.real("power", 0.75));
  s.activation = parse_activation(a);
  return s;
}

Extents NormOperation::extents(const Shape& s, int lanes) {
  const int64_t unit = s.plain ? 1 : lanes, numbers = round_up(s.channels, unit);
  return {{map_floats(s.batch, s.x_batch_stride, s.channels, s.pixels, unit)},
          {map_floats(s.batch, s.y_batch_stride, s.channels, s.pixels, unit)},
          {s.weight ? numbers : 0, s.bias ? numbers : 0},
          s.plain ? 1u : 0u,
          s.plain ? 1u : 0u};
}

}  // namespace striate
