// Winograd's minimal filtering along one line: F(m,r), m outputs of a filter of r taps from
// a = m + r - 1 inputs with a products in place of r m.
//
//   y = A' [ (G g) * (B' d) ]        d: a inputs, g: r weights, y: m outputs, * by element
//
// A, B and G evaluate polynomials at points, of which the last is infinity: 0, 1, -1 (a = 4),
// 0, 3/4, -3/4, 3/2, -3/2 (a = 6), 0, 1, -1, 2, -2, 1/2, -1/2 (a = 8). Of those with few bits and a
// symmetry they round least: with 1 and 2 for 3/4 and 3/2, F(4,3) loses another bit or two. B' is
// one for all r; with r = 5, G's rows go on to p^4, and A' has as many fewer: F(2,5), F(4,5).
//
//   F(2,3)       B'                   G                  A'
//         | 1  0 -1  0 |      |  1    0    0  |     | 1  1  1  0 |
//         | 0  1  1  0 |      | 1/2  1/2  1/2 |     | 0  1 -1 -1 |
//         | 0 -1  1  0 |      | 1/2 -1/2  1/2 |
//         | 0  1  0 -1 |      |  0    0    1  |
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

// v = B' d
STRIATE_INLINE void input_line(const Vector (&d)[4], Vector (&v)[4]) {
  v[0] = d[0] - d[2];
  v[1] = d[1] + d[2];
  v[2] = d[2] - d[1];
  v[3] = d[1] - d[3];
}

// The points of F(4,3), and what is made of them.
constexpr float kNear = 0.75f, kFar = 1.5f, kNear2 = kNear * kNear, kFar2 = kFar * kFar;

STRIATE_INLINE void input_line(const Vector (&d)[6], Vector (&v)[6]) {
  const Vector near_even = d[4] - kFar2 * d[2], near_odd = d[3] - kFar2 * d[1];
  const Vector far_even = d[4] - kNear2 * d[2], far_odd = d[3] - kNear2 * d[1];
  v[0] = (kNear2 * kFar2) * d[0] + (d[4] - (kNear2 + kFar2) * d[2]);
  v[1] = near_even + kNear * near_odd;
  v[2] = near_even - kNear * near_odd;
  v[3] = far_even + kFar * far_odd;
  v[4] = far_even - kFar * far_odd;
  v[5] = (kNear2 * kFar2) * d[1] + (d[5] - (kNear2 + kFar2) * d[3]);
}

STRIATE_INLINE void input_line(const Vector (&d)[8], Vector (&v)[8]) {
  const Vector even1 = (d[6] - 4.25f * d[4]) + d[2], odd1 = (d[5] - 4.25f * d[3]) + d[1];
  v[0] = (d[0] - d[6]) + 5.25f * (d[4] - d[2]);
  v[7] = (d[7] - d[1]) + 5.25f * (d[3] - d[5]);
  v[1] = even1 + odd1;
  v[2] = even1 - odd1;
  const Vector even2 = (d[6] - 1.25f * d[4]) + 0.25f * d[2];
  const Vector odd2 = (0.25f * d[1] - 1.25f * d[3]) + d[5];
  v[3] = even2 + 2.0f * odd2;
  v[4] = even2 - 2.0f * odd2;
  const Vector even3 = (d[6] - 5.0f * d[4]) + 4.0f * d[2];
  const Vector odd3 = (4.0f * d[1] - 5.0f * d[3]) + d[5];
  v[5] = even3 + 0.5f * odd3;
  v[6] = even3 - 0.5f * odd3;
}

// u = G g, of vectors of float or double.
template <typename V>
STRIATE_INLINE void weight_line(const V (&g)[3], V (&u)[4]) {
  constexpr Number<V> half = 0.5;
  const V even = half * (g[0] + g[2]), odd = half * g[1];
  u[0] = g[0];
  u[1] = even + odd;
  u[2] = even - odd;
  u[3] = g[2];
}

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

template <typename V, int R>
STRIATE_INLINE void weight_line(const V (&g)[R], V (&u)[6]) {
  constexpr double a = kNear2, b = kFar2;
  u[0] = static_cast<Number<V>>(1 / (a * b)) * g[0];
  weight_pair(g, kNear, 0.5 / (a * (a - b)), u + 1);
  weight_pair(g, kFar, 0.5 / (b * (b - a)), u + 3);
  u[5] = g[R - 1];
}

template <typename V, int R>
STRIATE_INLINE void weight_line(const V (&g)[R], V (&u)[8]) {
  u[0] = g[0];
  weight_pair(g, 1, -2.0 / 9, u + 1);
  weight_pair(g, 2, 1.0 / 90, u + 3);
  weight_pair(g, 0.5, 32.0 / 45, u + 5);
  u[7] = g[R - 1];
}

// y = A' q
STRIATE_INLINE void output_line(const Vector (&q)[4], Vector (&y)[2]) {
  y[0] = q[0] + q[1] + q[2];
  y[1] = q[1] - q[2] - q[3];
}

STRIATE_INLINE void output_line(const Vector (&q)[6], Vector (&y)[2]) {
  y[0] = q[0] + (q[1] + q[2]) + (q[3] + q[4]);
  y[1] = kNear * (q[1] - q[2]) + (kFar * (q[3] - q[4]) + q[5]);
}

STRIATE_INLINE void output_line(const Vector (&q)[6], Vector (&y)[4]) {
  const Vector even = q[1] + q[2], odd = q[1] - q[2];
  const Vector far_even = q[3] + q[4], far_odd = q[3] - q[4];
  y[0] = q[0] + even + far_even;
  y[1] = kNear * odd + kFar * far_odd;
  y[2] = kNear2 * even + kFar2 * far_even;
  y[3] = kNear2 * kNear * odd + (kFar2 * kFar * far_odd + q[5]);
}

STRIATE_INLINE void output_line(const Vector (&q)[8], Vector (&y)[4]) {
  const Vector even1 = q[1] + q[2], odd1 = q[1] - q[2];
  const Vector even2 = q[3] + q[4], odd2 = q[3] - q[4];
  const Vector even3 = q[5] + q[6], odd3 = q[5] - q[6];
  y[0] = (q[0] + even1) + (even2 + even3);
  y[1] = odd1 + 2.0f * odd2 + 0.5f * odd3;
  y[2] = even1 + 4.0f * even2 + 0.25f * even3;
  y[3] = (odd1 + q[7]) + 8.0f * odd2 + 0.125f * odd3;
}

STRIATE_INLINE void output_line(const Vector (&q)[8], Vector (&y)[6]) {
  const Vector even1 = q[1] + q[2], odd1 = q[1] - q[2];
  const Vector even2 = q[3] + q[4], odd2 = q[3] - q[4];
  const Vector even3 = q[5] + q[6], odd3 = q[5] - q[6];
  y[0] = (q[0] + even1) + (even2 + even3);
  y[1] = odd1 + 2.0f * odd2 + 0.5f * odd3;
  y[2] = even1 + 4.0f * even2 + 0.25f * even3;
  y[3] = odd1 + 8.0f * odd2 + 0.125f * odd3;
  y[4] = even1 + 16.0f * even2 + 0.0625f * even3;
  y[5] = (odd1 + q[7]) + 32.0f * odd2 + 0.03125f * odd3;
}

}  // namespace striate::STRIATE_TARGET
