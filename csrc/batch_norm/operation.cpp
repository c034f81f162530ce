#include "batch_norm/operation.hpp"

#include <limits>

#include "engine/activations.hpp"
#include "engine/maps.hpp"
#include "engine/words.hpp"

namespace striate {
namespace {

constexpr const char* kModes[] = {"moments", "normalise", "gradient"};
static_assert(sizeof(kModes) / sizeof(char*) == static_cast<int>(BatchNormMode::count));
constexpr const char* kMasks[] = {"none", "own", "output"};
static_assert(sizeof(kMasks) / sizeof(char*) == static_cast<int>(BatchNormMask::count));

void parse_mask(const Attributes& a, BatchNormShape& s) {
  s.mask = one_of(a, "mask", kMasks, BatchNormMask::none);
  s.low = static_cast<float>(a.real("low", 0));
  s.high = static_cast<float>(a.real("high", std::numeric_limits<double>::infinity()));
  if (!(s.high < std::numeric_limits<float>::infinity())) {
    s.high = std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace

BatchNormShape BatchNormOperation::parse(const Attributes& a, int lanes) {
  BatchNormShape s;
  s.mode = one_of(a, "mode", kModes, BatchNormMode::normalise);
  s.batch = a.integer("batch", 1, kMaxSize);
  s.channels = a.integer("channels", 1, kMaxSize);
  s.pixels = a.integer("pixels", 1, kMaxSize);
  const auto stride = [&](const char* name) {
    const int64_t given = batch_stride(a, name, s.channels, s.pixels, lanes);
    checked_product(a, {s.batch, given, 8});
    return given;
  };
  s.x_batch_stride = stride("x_batch_stride");
  s.y_batch_stride = stride("y_batch_stride");
  s.residual_batch_stride = stride("residual_batch_stride");
  s.gy_batch_stride = stride("gy_batch_stride");
  s.gx_batch_stride = stride("gx_batch_stride");
  s.added_batch_stride = stride("added_batch_stride");
  s.eps = static_cast<float>(a.real("eps", 1e-5));
  s.weight = a.flag("weight");
  s.bias = a.flag("bias");
  s.residual = a.flag("residual");
  s.training = a.flag("training");
  s.input = a.flag("input");
  s.added = a.flag("added");
  parse_mask(a, s);
  s.activation = parse_activation(a);
  return s;
}

Extents BatchNormOperation::extents(const Shape& s, int lanes) {
  const auto map = [&](bool there, int64_t stride) {
    return there ? map_floats(s.batch, stride, s.channels, s.pixels, lanes) : 0;
  };
  const int64_t c = s.channels, x = map(true, s.x_batch_stride);
  const int64_t weight = s.weight ? c : 0, bias = s.bias ? c : 0;
  switch (s.mode) {
    case BatchNormMode::moments:
      return {{x}, {c, c}, {}, 0, 0b11};
    case BatchNormMode::gradient:
      return {{map(true, s.gy_batch_stride), x, c, c, weight, bias,
               map(s.mask == BatchNormMask::output, s.y_batch_stride),
               map(s.added, s.added_batch_stride)},
              {map(s.input, s.gx_batch_stride), c, c, map(s.residual, s.residual_batch_stride)},
              {},
              0b0111100,
              0b0110};
    default:
      return {{x, c, c, weight, bias, map(s.residual, s.residual_batch_stride)},
              {map(true, s.y_batch_stride)},
              {},
              0b011110,
              0};
  }
}

}  // namespace striate
