// Winograd's minimal filtering along one line: F(m,r), m outputs of a filter of r taps from
// a = m + r - 1 inputs with a products in place of r m.
//
//   y = A' [ (G g) * (B' d) ]        d: a inputs, g: r weights, y: m outputs, * by element
//
// and so the gradient for the weights: gg = G' [ (A gy) * (B' d) ].
//
// A, B and G evaluate polynomials at points, of which the last is infinity: 0, 1, -1 (a = 4),
// 0, 3/4, -3/4, 3/2, -3/2 (a = 6), 0, 1, -1, 2, -2, 1/2, -1/2 (a = 8). Of those with few bits and a
// symmetry they round least: with 1 and 2 for 3/4 and 3/2, F(4,3) loses another bit or two. B' is
// one for all r; with r = 5, G's rows go on to p^4, and A' has as many fewer: F(2,5), F(4,5).
//
//   F(2,3)       B'                   G                  A'
//         | 1  0 -1  0 |      |  1    0    0  |     | 1  1  1  0 |
//         | 0  1  1  0 |      | 1/2  1/2  1/2 |     | 0  1 -1  1 |
//         | 0 -1  1  0 |      | 1/2 -1/2  1/2 |
//         | 0 -1  0  1 |      |  0    0    1  |
//
//   F(4,3), with a = 3/4, b = 3/2
//
//                 B'                        G, rows times               A'
//         | aabb   0   -aa-bb    0    1 0 |   | 1  0  0  | / aabb         | 1  1   1  1   1  0 |
//         |  0   -abb   -bb      a    1 0 |   | 1  a  aa | / 2aa(aa-bb)   | 0  a  -a  b  -b  0 |
//         |  0    abb   -bb     -a    1 0 |   | 1 -a  aa | / 2aa(aa-bb)   | 0 a^2 a^2 b^2 b^2 0 |
//         |  0   -baa   -aa      b    1 0 |   | 1  b  bb | / 2bb(bb-aa)   | 0 a^3 -.. b^3 -.. 1 |
//         |  0    baa   -aa     -b    1 0 |   | 1 -b  bb | / 2bb(bb-aa)
//         |  0   aabb    0    -aa-bb  0 1 |   | 0  0  1  |
//
//   F(6,3) (A' without the columns of -2, 1/2 and -1/2)
//
//                    B'                              G, rows times        A'
//   | 1    0  -21/4    0    21/4    0   -1 0 |  | 1   0   0  |        | 1 1  1  1 .. 0 |
//   | 0    1     1  -17/4  -17/4    1    1 0 |  | 1   1   1  | -2/9   | 0 1 -1  2 .. 0 |
//   | 0   -1     1   17/4  -17/4   -1    1 0 |  | 1  -1   1  | -2/9   | 0 1  1  4 .. 0 |
//   | 0   1/2   1/4  -5/2   -5/4    2    1 0 |  | 1   2   4  | 1/90   | 0 1 -1  8 .. 0 |
//   | 0  -1/2   1/4   5/2   -5/4   -2    1 0 |  | 1  -2   4  | 1/90   | 0 1  1 16 .. 0 |
//   | 0    2     4   -5/2   -5    1/2    1 0 |  | 1  1/2 1/4 | 32/45  | 0 1 -1 32 .. 1 |
//   | 0   -2     4    5/2   -5   -1/2    1 0 |  | 1 -1/2 1/4 | 32/45
//   | 0   -1     0   21/4     0  -21/4   0 1 |  | 0   0   1  |
//
// In the plane the same is done along both axes: a^2 products in place of r^2 m^2.
//
// The first n of m outputs depend on the first k = n + r - 1 inputs alone. Those behind them are
// free, and so may be what makes the products at all but k of the points 0: a row of B' for a point
// p is the polynomial that is 0 at the others, applied to d (x^i -> d[i]), and at infinity the one
// that is 0 at all. With N that is 0 at the points that are kept, the others' rows are spanned by
// N, N x, N x^2, ..., and vanish if d goes on by that recurrence:
//
//   d[k + j] = -(N_0 d[j] + ... + N_{k-1} d[j + k - 1])        N = x^k + N_{k-1} x^{k-1} + ...
//
// Kept are the points nearest to 0: d then hardly grows.
// Source: Lavin and Gray 2015, arXiv:1509.09308, sections 4.1 and 4.3.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// Weights that are packed transformed are so in float64 and rounded once. Half as many lanes fill a
// register.
constexpr int kDoubles = kLanes / 2;
typedef double Doubles __attribute__((vector_size(8 * kDoubles)));

// What a vector is of.
template <typename V>
using Number = decltype(V{}[0] + 0);

// Rows of v = B' d: the first, the last, and for a pair of points p and -p an even and an odd term,
// whose sum and difference (even + p odd, even - p odd) are two rows.
template <int A>
struct InputRows;

template <>
struct InputRows<4> {
  static constexpr float kPoints[1] = {1};
  static constexpr float scale(int) { return 1; }
  STRIATE_INLINE Vector first(const Vector (&d)[4]) { return d[0] - d[2]; }
  template <int>
  STRIATE_INLINE Vector even(const Vector (&d)[4]) {
    return d[2];
  }
  template <int>
  STRIATE_INLINE Vector odd(const Vector (&d)[4]) {
    return d[1];
  }
  STRIATE_INLINE Vector last(const Vector (&d)[4]) { return d[3] - d[1]; }
};

// The points of F(4,3), and what is made of them.
constexpr float kNear = 0.75f, kFar = 1.5f, kNear2 = kNear * kNear, kFar2 = kFar * kFar;

template <>
struct InputRows<6> {
  static constexpr float kPoints[2] = {kNear, kFar};
  static constexpr float scale(int) { return 1; }
  STRIATE_INLINE Vector first(const Vector (&d)[6]) {
    return (kNear2 * kFar2) * d[0] + (d[4] - (kNear2 + kFar2) * d[2]);
  }
  template <int K>
  STRIATE_INLINE Vector even(const Vector (&d)[6]) {
    return d[4] - (K == 0 ? kFar2 : kNear2) * d[2];
  }
  template <int K>
  STRIATE_INLINE Vector odd(const Vector (&d)[6]) {
    return d[3] - (K == 0 ? kFar2 : kNear2) * d[1];
  }
  STRIATE_INLINE Vector last(const Vector (&d)[6]) {
    return (kNear2 * kFar2) * d[1] + (d[5] - (kNear2 + kFar2) * d[3]);
  }
};

template <>
struct InputRows<8> {
  static constexpr float kPoints[3] = {1, 2, 0.5f};
  static constexpr float scale(int) { return 1; }
  STRIATE_INLINE Vector first(const Vector (&d)[8]) {
    return (d[0] - d[6]) + 5.25f * (d[4] - d[2]);
  }
  template <int K>
  STRIATE_INLINE Vector even(const Vector (&d)[8]) {
    constexpr float kMiddle[] = {4.25f, 1.25f, 5}, kLow[] = {1, 0.25f, 4};
    return (d[6] - kMiddle[K] * d[4]) + kLow[K] * d[2];
  }
  template <int K>
  STRIATE_INLINE Vector odd(const Vector (&d)[8]) {
    constexpr float kMiddle[] = {4.25f, 1.25f, 5}, kLow[] = {1, 0.25f, 4};
    return (d[5] - kMiddle[K] * d[3]) + kLow[K] * d[1];
  }
  STRIATE_INLINE Vector last(const Vector (&d)[8]) { return (d[7] - d[1]) + 5.25f * (d[3] - d[5]); }
};

// Row i of V among those that are kept: 0 is kept the longest, infinity not even once.
template <int A>
constexpr int product_rank(int i) {
  constexpr int kOf8[] = {0, 1, 2, 5, 6, 3, 4, 7};
  return A == 8 ? kOf8[i] : i;
}

// of[k][i]: what d[j + i] is times in d[k + j], where the first k products are kept.
template <int A>
struct Recurrence {
  float of[A][A] = {};

  constexpr Recurrence() {
    double n[A] = {1};  // N of the points so far
    for (int k = 0; k < A - 1; ++k) {
      int row = 0;
      while (product_rank<A>(row) != k) ++row;
      const double point =
          row == 0 ? 0 : (row % 2 == 1 ? 1 : -1) * double{InputRows<A>::kPoints[(row - 1) / 2]};
      for (int i = k + 1; i >= 0; --i) n[i] = (i > 0 ? n[i - 1] : 0) - point * n[i];
      for (int i = 0; i <= k; ++i) of[k + 1][i] = static_cast<float>(-n[i]);
    }
  }
};

template <int A>
static constexpr Recurrence<A> kRecurrence;

// v = B' d, from its pair K of points on.
template <int A, int K = 0>
STRIATE_INLINE void input_line(const Vector (&d)[A], Vector (&v)[A]) {
  using Rows = InputRows<A>;
  if constexpr (K < A / 2 - 1) {
    const Vector even = Rows::template even<K>(d), odd = Rows::template odd<K>(d);
    v[2 * K + 1] = even + Rows::kPoints[K] * odd;
    v[2 * K + 2] = even - Rows::kPoints[K] * odd;
    input_line<A, K + 1>(d, v);
  } else {
    v[0] = Rows::first(d);
    v[A - 1] = Rows::last(d);
  }
}

// What G's rows are times: that of the point 0, and those of each pair.
template <int A>
struct WeightRows;

template <>
struct WeightRows<4> {
  static constexpr double kZero = 1, kPairs[1] = {0.5};
};

template <>
struct WeightRows<6> {
  static constexpr double a = kNear2, b = kFar2;
  static constexpr double kZero = 1 / (a * b),
                          kPairs[2] = {0.5 / (a * (a - b)), 0.5 / (b * (b - a))};
};

template <>
struct WeightRows<8> {
  static constexpr double kZero = 1, kPairs[3] = {-2.0 / 9, 1.0 / 90, 32.0 / 45};
};

// The rows of the points p and -p: scale * (1, p, p^2, ..) and scale * (1, -p, p^2, ..).
template <typename V, int R>
STRIATE_INLINE void weight_pair(const V (&g)[R], double p, double scale, V* u) {
  V even = static_cast<Number<V>>(scale) * g[0], odd = {};
  STRIATE_UNROLL
  for (int i = 1; i < R; ++i) {
    scale *= p;
    (i % 2 == 0 ? even : odd) += static_cast<Number<V>>(scale) * g[i];
  }
  u[0] = even + odd;
  u[1] = even - odd;
}

// u = G g, of vectors of float or double.
template <typename V, int R, int A>
STRIATE_INLINE void weight_line(const V (&g)[R], V (&u)[A]) {
  u[0] = static_cast<Number<V>>(WeightRows<A>::kZero) * g[0];
  STRIATE_UNROLL
  for (int k = 0; k < A / 2 - 1; ++k) {
    weight_pair(g, InputRows<A>::kPoints[k], WeightRows<A>::kPairs[k], u + 2 * k + 1);
  }
  u[A - 1] = g[R - 1];
}

// The same turned around: g[i] += scale * p^i * (u[p] + u[-p]), of their difference if i is odd.
template <int R>
STRIATE_INLINE void weight_pair_back(const Vector* u, double p, double scale, Vector (&g)[R]) {
  const Vector even = u[0] + u[1], odd = u[0] - u[1];
  STRIATE_UNROLL
  for (int i = 0; i < R; ++i, scale *= p) {
    g[i] += static_cast<float>(scale) * (i % 2 == 0 ? even : odd);
  }
}

// g = G' u.
template <int A, int R>
STRIATE_INLINE void weight_line_back(const Vector (&u)[A], Vector (&g)[R]) {
  g[0] = static_cast<float>(WeightRows<A>::kZero) * u[0];
  STRIATE_UNROLL
  for (int i = 1; i < R; ++i) g[i] = Vector{};
  STRIATE_UNROLL
  for (int k = 0; k < A / 2 - 1; ++k) {
    weight_pair_back(u + 2 * k + 1, InputRows<A>::kPoints[k], WeightRows<A>::kPairs[k], g);
  }
  g[R - 1] += u[A - 1];
}

// p^i of each pair of points p and -p, times the pair's scale.
template <int M, int A>
struct OutputWeights {
  static constexpr int kPairs = (A - 1) / 2;
  float of[M][kPairs] = {};
  constexpr OutputWeights() {
    for (int k = 0; k < kPairs; ++k) {
      of[0][k] = InputRows<A>::scale(k);
      for (int i = 1; i < M; ++i) of[i][k] = of[i - 1][k] * InputRows<A>::kPoints[k];
    }
  }
};

// Rows 0, 2, .. (or 1, 3, ..) of y = A' q: sums of p^i (q[p] + q[-p]), of differences if i is odd.
template <int M, bool kOdd, int A>
STRIATE_INLINE void output_terms(const Vector (&q)[A], Vector (&y)[M / 2]) {
  constexpr OutputWeights<M, A> weights;
  constexpr int kPairs = weights.kPairs, kFirst = 1 - A % 2;  // behind the point 0, if there
  Vector term[kPairs];
  STRIATE_UNROLL
  for (int k = 0; k < kPairs; ++k) {
    const Vector plus = q[2 * k + kFirst], minus = q[2 * k + kFirst + 1];
    term[k] = kOdd ? plus - minus : plus + minus;
  }
  STRIATE_UNROLL
  for (int i = 0; i < M / 2; ++i) {
    y[i] = weights.of[2 * i + kOdd][0] * term[0];
    STRIATE_UNROLL
    for (int k = 1; k < kPairs; ++k) y[i] += weights.of[2 * i + kOdd][k] * term[k];
  }
  if (kOdd) {
    y[M / 2 - 1] += q[A - 1];  // of the point at infinity
  } else if (kFirst == 1) {
    y[0] += q[0];
  }
}

template <int M, int A>
STRIATE_INLINE void output_line(const Vector (&q)[A], Vector (&y)[M]) {
  Vector even[M / 2], odd[M / 2];
  output_terms<M, false>(q, even);
  output_terms<M, true>(q, odd);
  STRIATE_UNROLL
  for (int i = 0; i < M / 2; ++i) {
    y[2 * i] = even[i];
    y[2 * i + 1] = odd[i];
  }
}

// q = A y, of the pairs of points from K on: y as a polynomial at each of them.
template <int M, int A, int K = 0>
STRIATE_INLINE void output_line_back(const Vector (&y)[M], Vector (&q)[A]) {
  static_assert(M == 4, "two terms are even, two odd");
  constexpr OutputWeights<M, A> weights;
  if constexpr (K < A / 2 - 1) {
    const Vector even = weights.of[0][K] * y[0] + weights.of[2][K] * y[2];
    const Vector odd = weights.of[1][K] * y[1] + weights.of[3][K] * y[3];
    q[2 * K + 1] = even + odd;
    q[2 * K + 2] = even - odd;
    output_line_back<M, A, K + 1>(y, q);
  } else {
    q[0] = y[0];
    q[A - 1] = y[M - 1];
  }
}

}  // namespace striate::STRIATE_TARGET
