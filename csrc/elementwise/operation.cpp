#include "elementwise/operation.hpp"

#include "engine/activations.hpp"
#include "engine/maps.hpp"
#include "engine/words.hpp"

namespace striate {
namespace {

using Op = ElementwiseOp;

constexpr const char* kOps[] = {"none",  "add",  "sub",        "mul",   "div",
                                "pow",   "max",  "min",        "prelu", "affine",
                                "equal", "less", "less_equal", "where", "masked_fill"};
constexpr const char* kSeconds[] = {"none", "number", "same", "channel", "image_channel", "pixel"};
static_assert(sizeof(kSeconds) / sizeof(char*) == static_cast<int>(Second::count));

Op reversed(const Attributes& a, Op op) {
  switch (op) {
    case Op::sub:
      return Op::sub_from;
    case Op::div:
      return Op::div_by;
    case Op::pow:
      return Op::pow_of;
    case Op::less:
      return Op::greater;
    case Op::less_equal:
      return Op::greater_equal;
    case Op::masked_fill:
      return Op::masked_keep;
    case Op::prelu:
    case Op::affine:
    case Op::where:
    case Op::none:
      a.fail("this operation has no reverse.");
    default:
      return op;
  }
}

// Axes of 1 go; an axis joins the one behind it if both arrays step over it as over one.
void join_axes(ElementwiseShape& s) {
  int axes = 0;
  for (int axis = 0; axis < s.axes; ++axis) {
    if (s.sizes[axis] == 1) continue;
    const int last = axes - 1;
    if (axes > 0 && s.a_strides[last] == s.a_strides[axis] * s.sizes[axis] &&
        s.b_strides[last] == s.b_strides[axis] * s.sizes[axis]) {
      s.sizes[last] *= s.sizes[axis];
      s.a_strides[last] = s.a_strides[axis];
      s.b_strides[last] = s.b_strides[axis];
      continue;
    }
    s.sizes[axes] = s.sizes[axis];
    s.a_strides[axes] = s.a_strides[axis];
    s.b_strides[axes] = s.b_strides[axis];
    ++axes;
  }
  if (axes == 0) s.sizes[axes++] = 1;
  s.axes = axes;
}

void parse_strided(const Attributes& a, ElementwiseShape& s) {
  const size_t axes = a.list("sizes").size();
  if (axes < 1 || axes > kMaxAxes) a.fail("sizes must have 1 to 6 numbers.");
  s.axes = static_cast<int>(axes);
  a.integers("sizes", s.sizes, s.axes, 1, kMaxSize);
  a.integers("a_strides", s.a_strides, s.axes, 0, kMaxSize);
  a.integers("b_strides", s.b_strides, s.axes, 0, kMaxSize);
  int64_t total = 1;
  for (int axis = 0; axis < s.axes; ++axis) {
    total = checked_product(a, {total, s.sizes[axis]});
    checked_product(a, {s.sizes[axis], s.a_strides[axis]});
    checked_product(a, {s.sizes[axis], s.b_strides[axis]});
  }
  s.second = Second::same;
  join_axes(s);
}

void parse_maps(const Attributes& a, ElementwiseShape& s, int lanes) {
  s.batch = a.integer("batch", 1, kMaxSize, 1);
  s.channels = a.integer("channels", 1, kMaxSize, 1);
  s.pixels = a.integer("pixels", 1, int64_t{1} << 40);
  s.plain = a.flag("plain");
  s.second = one_of(a, "second", kSeconds, s.op == Op::none ? Second::none : Second::same);
  if ((s.op == Op::none) != (s.second == Second::none)) {
    a.fail("op and second must both be there, or both be none.");
  }
  if ((s.takes_third() || s.masks()) && s.second == Second::number) {
    a.fail("this operation takes arrays.");
  }
  s.number = static_cast<float>(a.real("number", 0));
  if (s.op == Op::pow && s.second == Second::number && s.number == 2) s.op = Op::square;
  const int64_t unit = s.plain ? 1 : lanes;
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.channels, s.pixels, unit);
  s.y_batch_stride = batch_stride(a, "y_batch_stride", s.channels, s.pixels, unit);
  const int64_t b_channels = s.second == Second::pixel ? 1 : s.channels;
  s.b_batch_stride = batch_stride(a, "b_batch_stride", b_channels, s.pixels, unit);
  s.c_batch_stride = batch_stride(a, "c_batch_stride", b_channels, s.pixels, unit);
  for (const int64_t stride :
       {s.x_batch_stride, s.y_batch_stride, s.b_batch_stride, s.c_batch_stride}) {
    checked_product(a, {s.batch, stride});
  }
}

int64_t second_floats(const ElementwiseShape& s, int64_t stride, int64_t unit) {
  const int64_t channels = round_up(s.channels, unit);
  switch (s.second) {
    case Second::same:
      return map_floats(s.batch, stride, s.channels, s.pixels, unit);
    case Second::channel:
      return channels;
    case Second::image_channel:
      return s.batch * channels;
    case Second::pixel:
      return map_floats(s.batch, stride, 1, s.pixels, unit);
    default:
      return 0;
  }
}

int64_t strided_floats(const ElementwiseShape& s, const int64_t* strides) {
  int64_t floats = 1;
  for (int axis = 0; axis < s.axes; ++axis) floats += (s.sizes[axis] - 1) * strides[axis];
  return floats;
}

}  // namespace

ElementwiseShape ElementwiseOperation::parse(const Attributes& a, int lanes) {
  ElementwiseShape s;
  s.op = one_of(a, "op", kOps, Op::none);
  s.activation = parse_activation(a);
  if (a.has("sizes")) {
    if (s.op == Op::none || s.takes_third() || s.masks()) a.fail("op must be one of two arrays.");
    parse_strided(a, s);
  } else {
    parse_maps(a, s, lanes);
  }
  if (a.flag("reverse")) s.op = reversed(a, s.op);
  return s;
}

Extents ElementwiseOperation::extents(const Shape& s, int lanes) {
  if (s.axes > 0) {
    int64_t total = 1;
    for (int axis = 0; axis < s.axes; ++axis) total *= s.sizes[axis];
    return {{strided_floats(s, s.a_strides), strided_floats(s, s.b_strides)}, {total}, {}, 3, 1};
  }
  const int64_t unit = s.plain ? 1 : lanes;
  Extents e;
  e.in.push_back(map_floats(s.batch, s.x_batch_stride, s.channels, s.pixels, unit));
  e.in.push_back(second_floats(s, s.b_batch_stride, unit));
  e.in.push_back(s.takes_third() ? second_floats(s, s.c_batch_stride, unit) : 0);
  e.out.push_back(map_floats(s.batch, s.y_batch_stride, s.channels, s.pixels, unit));
  if (s.plain) e.plain_in = 7, e.plain_out = 1;
  return e;
}

}  // namespace striate
