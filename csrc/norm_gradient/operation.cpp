#include "norm_gradient/operation.hpp"

#include "engine/maps.hpp"
#include "engine/words.hpp"

namespace striate {
namespace {

constexpr const char* kModes[] = {"layer", "group", "response"};
static_assert(sizeof(kModes) / sizeof(char*) == static_cast<int>(NormGradientMode::count));

}  // namespace

NormGradientShape NormGradientOperation::parse(const Attributes& a, int lanes) {
  NormGradientShape s;
  s.mode = one_of(a, "mode", kModes, NormGradientMode::layer);
  s.batch = a.integer("batch", 1, kMaxSize);
  s.channels = a.integer("channels", 1, kMaxSize);
  s.plain = a.flag("plain");
  s.pixels = a.integer("pixels", 1, s.plain ? 1 : kMaxSize, 1);
  if (s.plain && s.mode != NormGradientMode::layer) {
    a.fail("plain rows have layer normalisation alone.");
  }
  const auto stride = [&](const char* name) {
    const int64_t given = batch_stride(a, name, s.channels, s.pixels, s.plain ? 1 : lanes);
    checked_product(a, {s.batch, given, 8});
    return given;
  };
  s.gy_batch_stride = stride("gy_batch_stride");
  s.x_batch_stride = stride("x_batch_stride");
  s.gx_batch_stride = stride("gx_batch_stride");
  s.groups = a.integer("groups", 1, kMaxSize, 1);
  if (s.channels % s.groups) a.fail("groups must divide channels.");
  s.size = a.integer("size", 1, kMaxSize, 1);
  s.k = static_cast<float>(a.real("k", 1));
  s.scale = static_cast<float>(a.real("scale", 1e-4));
  s.power = static_cast<float>(a.real("power", 0.75));
  s.rms = a.flag("rms");
  s.weight = a.flag("weight");
  s.input = a.flag("input") || s.mode == NormGradientMode::response;
  s.eps = static_cast<float>(a.real("eps", 1e-5));
  return s;
}

Extents NormGradientOperation::extents(const Shape& s, int lanes) {
  const auto map = [&](int64_t stride) {
    return map_floats(s.batch, stride, s.channels, s.pixels, s.plain ? 1 : lanes);
  };
  if (s.mode == NormGradientMode::response) {
    return {{map(s.gy_batch_stride), map(s.x_batch_stride)}, {map(s.gx_batch_stride)}, {}};
  }
  return {{map(s.gy_batch_stride), map(s.x_batch_stride), s.weight ? s.channels : 0},
          {s.input ? map(s.gx_batch_stride) : 0, s.channels, s.channels},
          {},
          s.plain ? 0b111u : 0b100u,
          s.plain ? 0b111u : 0b110u};
}

}  // namespace striate
