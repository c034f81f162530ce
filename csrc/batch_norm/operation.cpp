#include "batch_norm/operation.hpp"

#include <limits>

#include "engine/activations.hpp"
#include "engine/maps.hpp"
#include "engine/words.hpp"
#include "pool/shape.hpp"

namespace striate {
namespace {

constexpr const char* kModes[] = {"moments", "normalise", "gradient"};
static_assert(sizeof(kModes) / sizeof(char*) == static_cast<int>(BatchNormMode::count));
constexpr const char* kMasks[] = {"none", "own", "output"};
static_assert(sizeof(kMasks) / sizeof(char*) == static_cast<int>(BatchNormMask::count));

void parse_pooled(const Attributes& a, BatchNormGiven& s) {
  s.pooled = a.flag("pooled");
  if (!s.pooled) return;
  a.integers("window", s.window, 3, 1, kMaxPlaces);
  if (s.given_pixels() == 0 || s.window[0] * s.window[1] * s.window[2] > kMaxPlaces) {
    a.fail("windows must fit the map, and be of up to 255 pixels.");
  }
  if (s.added || s.mask == BatchNormMask::output) {
    a.fail("what was pooled has no residual, and no mask of the output.");
  }
}

void parse_mask(const Attributes& a, BatchNormGiven& s) {
  s.mask = one_of(a, "mask", kMasks, BatchNormMask::none);
  s.low = static_cast<float>(a.real("low", 0));
  s.high = static_cast<float>(a.real("high", std::numeric_limits<double>::infinity()));
  if (!(s.high < std::numeric_limits<float>::infinity())) {
    s.high = std::numeric_limits<float>::quiet_NaN();
  }
}

int64_t stride_of(const Attributes& a, const char* name, int64_t batch, int64_t channels,
                  int64_t pixels, int lanes) {
  const int64_t given = batch_stride(a, name, channels, pixels, lanes);
  checked_product(a, {batch, given, 8});
  return given;
}

}  // namespace

void parse_given(const Attributes& a, int64_t batch, int lanes, BatchNormGiven& s) {
  s.added = a.flag("added");
  parse_mask(a, s);
  parse_pooled(a, s);
  s.gy_batch_stride = stride_of(a, "gy_batch_stride", batch, s.channels, s.given_pixels(), lanes);
  s.added_batch_stride = stride_of(a, "added_batch_stride", batch, s.channels, s.pixels, lanes);
}

int64_t given_floats(const BatchNormGiven& s, int64_t batch, int lanes) {
  return map_floats(batch, s.gy_batch_stride, s.channels, s.given_pixels(), lanes);
}

int64_t beside_floats(const BatchNormGiven& s, int64_t batch, int lanes) {
  if (s.pooled) return batch * round_up(s.channels, lanes) * s.given_pixels() / 4;
  return s.added ? map_floats(batch, s.added_batch_stride, s.channels, s.pixels, lanes) : 0;
}

int64_t number_floats(int64_t channels, int lanes) {
  return round_up(channels, lanes) * kBatchNormNumbers;
}

BatchNormShape BatchNormOperation::parse(const Attributes& a, int lanes) {
  BatchNormShape s;
  s.mode = one_of(a, "mode", kModes, BatchNormMode::normalise);
  s.batch = a.integer("batch", 1, kMaxSize);
  s.channels = a.integer("channels", 1, kMaxSize);
  s.pixels = a.integer("pixels", 1, kMaxSize);
  s.residual = a.flag("residual");
  if (a.flag("pooled")) {
    a.integers("in", s.in, 3, 1, kMaxSize);
    if (checked_product(a, {s.in[0], s.in[1], s.in[2]}) != s.pixels) {
      a.fail("in must be the sizes of as many pixels as `pixels` tells.");
    }
    if (s.residual) a.fail("what was pooled has no residual.");
  }
  parse_given(a, s.batch, lanes, s);
  const auto stride = [&](const char* name) {
    return stride_of(a, name, s.batch, s.channels, s.pixels, lanes);
  };
  s.x_batch_stride = stride("x_batch_stride");
  s.y_batch_stride = stride("y_batch_stride");
  s.residual_batch_stride = stride("residual_batch_stride");
  s.gx_batch_stride = stride("gx_batch_stride");
  s.eps = static_cast<float>(a.real("eps", 1e-5));
  s.weight = a.flag("weight");
  s.bias = a.flag("bias");
  s.training = a.flag("training");
  s.input = a.flag("input");
  s.numbers = a.flag("numbers");
  if (s.numbers && (s.input || s.residual || !s.training || s.mask == BatchNormMask::output)) {
    a.fail("numbers are of training, without input, residual and a mask of the output.");
  }
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
      return {{given_floats(s, s.batch, lanes), x, c, c, weight, bias,
               map(s.mask == BatchNormMask::output, s.y_batch_stride),
               beside_floats(s, s.batch, lanes)},
              {s.numbers ? number_floats(c, lanes) : map(s.input, s.gx_batch_stride), c, c,
               map(s.residual, s.residual_batch_stride)},
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
