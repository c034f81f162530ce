#include "copy/operation.hpp"

#include <algorithm>
#include <numeric>

#include "engine/maps.hpp"
#include "engine/words.hpp"

namespace striate {
namespace {

constexpr const char* kModes[] = {"strided", "channels", "shuffle", "unshuffle", "pixels"};
constexpr const char* kBorders[] = {"constant", "reflect", "replicate", "circular"};
static_assert(sizeof(kModes) / sizeof(char*) == static_cast<int>(CopyMode::count));
static_assert(sizeof(kBorders) / sizeof(char*) == static_cast<int>(Border::count));

// Axes of 1 go, the others are put in the order of y, and joined where x and y step over two of
// them as over one.
void order_axes(CopyShape& s) {
  int order[kCopyAxes];
  std::iota(order, order + s.axes, 0);
  std::stable_sort(order, order + s.axes,
                   [&](int a, int b) { return s.y_strides[a] > s.y_strides[b]; });
  const CopyShape given = s;
  s.axes = 0;
  for (int i = 0; i < given.axes; ++i) {
    const int axis = order[i], last = s.axes - 1;
    if (given.sizes[axis] == 1) continue;
    if (s.axes > 0 && s.x_strides[last] == given.x_strides[axis] * given.sizes[axis] &&
        s.y_strides[last] == given.y_strides[axis] * given.sizes[axis]) {
      s.sizes[last] *= given.sizes[axis];
      s.x_strides[last] = given.x_strides[axis];
      s.y_strides[last] = given.y_strides[axis];
      continue;
    }
    s.sizes[s.axes] = given.sizes[axis];
    s.x_strides[s.axes] = given.x_strides[axis];
    s.y_strides[s.axes++] = given.y_strides[axis];
  }
  if (s.axes == 0) s.sizes[s.axes++] = 1;
}

void parse_strided(const Attributes& a, CopyShape& s) {
  constexpr int64_t kMost = int64_t{1} << 40;
  const size_t axes = a.list("sizes").size();
  if (axes < 1 || axes > kCopyAxes) a.fail("sizes must have 1 to 6 numbers.");
  s.axes = static_cast<int>(axes);
  a.integers("sizes", s.sizes, s.axes, 1, kMaxSize);
  a.integers("x_strides", s.x_strides, s.axes, -kMost, kMost);
  a.integers("y_strides", s.y_strides, s.axes, 1, kMost);
  s.x_start = a.integer("x_start", 0, kMost, 0);
  s.y_start = a.integer("y_start", 0, kMost, 0);
  int64_t total = 1, lowest = s.x_start;
  for (int axis = 0; axis < s.axes; ++axis) {
    total = checked_product(a, {total, s.sizes[axis]});
    checked_product(a, {s.sizes[axis], std::abs(s.x_strides[axis])});
    checked_product(a, {s.sizes[axis], s.y_strides[axis]});
    lowest += std::min<int64_t>(0, s.x_strides[axis]) * (s.sizes[axis] - 1);
  }
  if (lowest < 0) a.fail("x_strides lead before the start of x.");
  order_axes(s);
}

void parse_channels(const Attributes& a, CopyShape& s) {
  s.x_first = a.integer("x_first", 0, kMaxSize, 0);
  s.x_step = a.integer("x_step", 1, kMaxSize, 1);
  s.y_first = a.integer("y_first", 0, kMaxSize, 0);
  s.count = a.integer("count", 1, kMaxSize, s.y_channels);
  s.groups = a.integer("groups", 1, kMaxSize, 1);
  if (s.count % s.groups) a.fail("groups must divide count.");
  if (s.x_first + checked_product(a, {s.count - 1, s.x_step}) >= s.x_channels ||
      s.y_first + s.count > s.y_channels) {
    a.fail("the channels lead out of the map.");
  }
}

void parse_shuffle(const Attributes& a, CopyShape& s) {
  s.factor = a.integer("factor", 1, 1024);
  s.blocks_first = a.flag("blocks_first");
  const int64_t r = s.factor;
  const bool apart = s.mode == CopyMode::shuffle;
  const int64_t many = apart ? s.x_channels : s.y_channels;
  const int64_t few = apart ? s.y_channels : s.x_channels;
  if (many != few * r * r) a.fail("one map must have factor * factor times the other's channels.");
  if (!apart && (s.in[1] % r || s.in[2] % r)) a.fail("factor must divide height and width.");
  for (int axis = 1; axis < 3; ++axis) s.out[axis] = apart ? s.in[axis] * r : s.in[axis] / r;
  s.count = s.y_channels;
}

void parse_pixels(const Attributes& a, CopyShape& s) {
  a.integers("out", s.out, 3, 1, kMaxSize);
  if (a.has("step")) a.integers("step", s.step, 3, 1, kMaxSize);
  if (a.has("before")) a.integers("before", s.before, 3, -kMaxSize, kMaxSize);
  s.border = one_of(a, "border", kBorders, Border::constant);
  s.value = static_cast<float>(a.real("value", 0));
  s.x_first = a.integer("x_first", -kMaxSize, kMaxSize, 0);
}

}  // namespace

CopyShape CopyOperation::parse(const Attributes& a, int lanes) {
  CopyShape s;
  s.mode = one_of(a, "mode", kModes, CopyMode::strided);
  if (s.mode == CopyMode::strided) {
    parse_strided(a, s);
    return s;
  }
  s.batch = a.integer("batch", 1, kMaxSize);
  s.x_channels = a.integer("x_channels", 1, kMaxSize);
  s.y_channels = a.integer("y_channels", 1, kMaxSize);
  a.integers("in", s.in, 3, 1, kMaxSize);
  for (int axis = 0; axis < 3; ++axis) s.out[axis] = s.in[axis];
  if (s.mode == CopyMode::channels) parse_channels(a, s);
  if (s.mode == CopyMode::shuffle || s.mode == CopyMode::unshuffle) parse_shuffle(a, s);
  if (s.mode == CopyMode::pixels) parse_pixels(a, s);
  checked_product(a, {s.in[0], s.in[1], s.in[2]});
  checked_product(a, {s.out[0], s.out[1], s.out[2]});
  s.x_batch_stride = batch_stride(a, "x_batch_stride", s.x_channels, s.in_pixels(), lanes);
  s.y_batch_stride = batch_stride(a, "y_batch_stride", s.y_channels, s.out_pixels(), lanes);
  checked_product(a, {s.batch, s.x_batch_stride});
  checked_product(a, {s.batch, s.y_batch_stride});
  return s;
}

Extents CopyOperation::extents(const Shape& s, int lanes) {
  if (s.mode != CopyMode::strided) {
    return {{map_floats(s.batch, s.x_batch_stride, s.x_channels, s.in_pixels(), lanes)},
            {map_floats(s.batch, s.y_batch_stride, s.y_channels, s.out_pixels(), lanes)},
            {}};
  }
  int64_t x = s.x_start + 1, y = s.y_start + 1;
  for (int axis = 0; axis < s.axes; ++axis) {
    x += std::max<int64_t>(0, s.x_strides[axis]) * (s.sizes[axis] - 1);
    y += s.y_strides[axis] * (s.sizes[axis] - 1);
  }
  return {{x}, {y}, {}, 1, 1};
}

}  // namespace striate
