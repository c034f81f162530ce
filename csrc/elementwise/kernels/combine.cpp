// x op b for runs of numbers, one loop for each operation and each way b lies beside x.
//
// A clamp is applied on the way. Other activations follow in pieces of 8 KiB, while y is in L1.
#include "elementwise/kernels/combine.hpp"

#include "kernels/activate.hpp"
#include "kernels/math.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kPiece = 2048;

STRIATE_INLINE Vector truth(IntVector condition) {
  return condition ? broadcast(1) : Vector{};
}

STRIATE_INLINE Vector pow(Vector a, Vector b) {
  Vector y;
  for (int i = 0; i < kLanes; ++i) y[i] = __builtin_powf(a[i], b[i]);
  return y;
}

template <ElementwiseOp op>
STRIATE_INLINE Vector computed(Vector a, Vector b, Vector c) {
  using Op = ElementwiseOp;
  if constexpr (op == Op::add) return a + b;
  if constexpr (op == Op::sub) return a - b;
  if constexpr (op == Op::sub_from) return b - a;
  if constexpr (op == Op::mul) return a * b;
  if constexpr (op == Op::div) return a / b;
  if constexpr (op == Op::div_by) return b / a;
  if constexpr (op == Op::pow) return pow(a, b);
  if constexpr (op == Op::pow_of) return pow(b, a);
  if constexpr (op == Op::square) return a * a;
  if constexpr (op == Op::max) return a == a ? max(a, b) : a;  // NaN if any is
  if constexpr (op == Op::min) return a == a ? min(a, b) : a;
  if constexpr (op == Op::prelu) return a > 0.0f ? a : a * b;
  if constexpr (op == Op::affine) return a * b + c;
  if constexpr (op == Op::equal) return truth(a == b);
  if constexpr (op == Op::less) return truth(a < b);
  if constexpr (op == Op::less_equal) return truth(a <= b);
  if constexpr (op == Op::greater) return truth(a > b);
  if constexpr (op == Op::greater_equal) return truth(a >= b);
  if constexpr (op == Op::where || op == Op::masked_keep) return a != 0.0f ? b : c;
  if constexpr (op == Op::masked_fill) return a != 0.0f ? c : b;
  return a;
}

template <ElementwiseOp op>
constexpr bool masks() {
  return op == ElementwiseOp::masked_fill || op == ElementwiseOp::masked_keep;
}

template <Source source>
STRIATE_INLINE Vector second(const float* b, int64_t i) {
  if constexpr (source == Source::run) return load_unaligned(b + i);
  if constexpr (source == Source::block) return load_unaligned(b);
  if constexpr (source == Source::number) return broadcast(b[0]);
  return broadcast(b[i]);
}

template <ElementwiseOp op, Source source>
void loop(const float* x, const float* b, const float* c, float low, float high, float* y,
          int64_t count) {
  constexpr bool kThird = op == ElementwiseOp::affine || op == ElementwiseOp::where;
  if (!kThird && !masks<op>()) c = b;
  int64_t i = 0;
  if constexpr (source == Source::block || source == Source::number) {
    const Vector other = second<source>(b, 0);
    const Vector third = masks<op>() ? broadcast(c[0]) : second<source>(c, 0);
    for (; i + kLanes <= count; i += kLanes) {
      const Vector v = computed<op>(load_unaligned(x + i), other, third);
      store_unaligned(y + i, between(low, v, high));
    }
  } else {
    for (; i + kLanes <= count; i += kLanes) {
      const Vector other = second<source>(b, i);
      const Vector third = masks<op>() ? broadcast(c[0]) : second<source>(c, i);
      store_unaligned(y + i, between(low, computed<op>(load_unaligned(x + i), other, third), high));
    }
  }
  if (i == count) return;
  float end[3][kLanes] = {};
  for (int64_t lane = 0; lane < count - i; ++lane) {
    end[0][lane] = x[i + lane];
    end[1][lane] = source == Source::run ? b[i + lane] : b[0];
    end[2][lane] = source == Source::run && !masks<op>() ? c[i + lane] : c[0];
  }
  const Vector v =
      computed<op>(load_unaligned(end[0]), load_unaligned(end[1]), load_unaligned(end[2]));
  store_unaligned(end[0], between(low, v, high));
  for (int64_t lane = 0; lane < count - i; ++lane) y[i + lane] = end[0][lane];
}

typedef void (*Loop)(const float*, const float*, const float*, float, float, float*, int64_t);

constexpr int kOps = static_cast<int>(ElementwiseOp::count), kSources = 4;

struct Loops {
  Loop of[kOps][kSources] = {};

  template <int op>
  constexpr void fill() {
    constexpr ElementwiseOp kOp = static_cast<ElementwiseOp>(op);
    of[op][0] = loop<kOp, Source::run>;
    of[op][1] = loop<kOp, Source::block>;
    of[op][2] = loop<kOp, Source::number>;
    of[op][3] = loop<kOp, Source::cells>;
    if constexpr (op + 1 < kOps) fill<op + 1>();
  }

  constexpr Loops() { fill<0>(); }
};

constexpr Loops kLoops;

}  // namespace

void combine(ElementwiseOp op, Source source, const float* x, const float* b, const float* c,
             const ActivationSpec& f, float* y, int64_t count) {
  const Loop run = kLoops.of[static_cast<int>(op)][static_cast<int>(source)];
  const bool inside = f.kind == Activation::none || f.kind == Activation::clamp;
  const bool clamp = f.kind == Activation::clamp;
  const float low = clamp ? f.alpha : -kInfinity, high = clamp ? f.beta : kInfinity;
  const bool moves = source == Source::run || source == Source::cells;
  const bool masks = op == ElementwiseOp::masked_fill || op == ElementwiseOp::masked_keep;
  for (int64_t i = 0; i < count; i += kPiece) {
    const int64_t piece = inside ? count : least(kPiece, count - i);
    const int64_t at = moves ? i : 0;
    run(x + i, b + at, masks ? c : c + at, low, high, y + i, piece);
    if (inside) return;
    activate(f, y + i, y + i, piece);
  }
}

}  // namespace striate::STRIATE_TARGET
