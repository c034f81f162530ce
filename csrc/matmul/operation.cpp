#include "matmul/operation.hpp"

namespace striate {

MatMulShape MatMulOperation::parse(const Attributes& a, int) {
  constexpr int64_t kMost = int64_t{1} << 40;
  MatMulShape s;
  const size_t axes = a.list("batch").size();
  if (axes < 1 || axes > kMatMulAxes) a.fail("batch must have 1 to 4 numbers.");
  s.axes = static_cast<int>(axes);
  a.integers("batch", s.batch, s.axes, 1, kMaxSize);
  a.integers("a_strides", s.a_strides, s.axes, 0, kMost);
  a.integers("b_strides", s.b_strides, s.axes, 0, kMost);
  s.rows = a.integer("rows", 1, kMaxSize);
  s.depth = a.integer("depth", 1, kMaxSize);
  s.columns = a.integer("columns", 1, kMaxSize);
  s.a_transposed = a.flag("a_transposed");
  s.transposed = a.flag("transposed");
  s.scale = static_cast<float>(a.real("scale", 1));
  int64_t products = 1;
  for (int axis = 0; axis < s.axes; ++axis) {
    products = checked_product(a, {products, s.batch[axis]});
    checked_product(a, {s.batch[axis], s.a_strides[axis]});
    checked_product(a, {s.batch[axis], s.b_strides[axis]});
  }
  checked_product(a, {products, s.rows, s.columns});
  checked_product(a, {products, s.depth, s.columns + 64});  // the packed b
  checked_product(a, {products, s.rows, s.depth});
  return s;
}

Extents MatMulOperation::extents(const Shape& s, int) {
  int64_t a_floats = s.rows * s.depth, b_floats = s.depth * s.columns;
  for (int axis = 0; axis < s.axes; ++axis) {
    a_floats += (s.batch[axis] - 1) * s.a_strides[axis];
    b_floats += (s.batch[axis] - 1) * s.b_strides[axis];
  }
  Extents extents{{a_floats, b_floats}, {s.products() * s.rows * s.columns}, {}};
  extents.plain_in = 3;
  extents.plain_out = 1;
  return extents;
}

}  // namespace striate
