// Winograd's minimal filtering along one line: F(m,3), m outputs of a 3-tap filter from m + 2
// inputs with m + 2 products in place of 3 m.
//
//   y = A' [ (G g) * (B' d) ]        d: m + 2 inputs, g: 3 weights, y: m outputs, * by element
//
// A, B and G evaluate polynomials at the points 0, 1, -1, infinity (m = 2), and 2, -2 (m = 4):
//
//   m = 2        B'                   G                  A'
//         | 1  0 -1  0 |      |  1    0    0  |     | 1  1  1  0 |
//         | 0  1  1  0 |      | 1/2  1/2  1/2 |     | 0  1 -1 -1 |
//         | 0 -1  1  0 |      | 1/2 -1/2  1/2 |
//         | 0  1  0 -1 |      |  0    0    1  |
//
//   m = 4        B'                           G                          A'
//         | 4  0 -5  0  1  0 |      |  1/4     0     0  |     | 1  1  1  1  1  0 |
//         | 0 -4 -4  1  1  0 |      | -1/6  -1/6  -1/6  |     | 0  1 -1  2 -2  0 |
//         | 0  4 -4 -1  1  0 |      | -1/6   1/6  -1/6  |     | 0  1  1  4  4  0 |
//         | 0 -2 -1  2  1  0 |      | 1/24  1/12   1/6  |     | 0  1 -1  8 -8  1 |
//         | 0  2 -1 -2  1  0 |      | 1/24 -1/12   1/6  |
//         | 0  4  0 -5  0  1 |      |   0     0     1   |
//
// In the plane the same is done along both axes: (m + 2)^2 products in place of 9 m^2.
// Source: Lavin and Gray 2015, arXiv:1509.09308, sections 4.1 and 4.3.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

// Weights are transformed in float64 and rounded once. Half as many lanes fill a register.
constexpr int kDoubles = kLanes / 2;
typedef double Doubles __attribute__((vector_size(8 * kDoubles)));

// v = B' d
STRIATE_INLINE void input_line(const Vector (&d)[4], Vector (&v)[4]) {
  v[0] = d[0] - d[2];
  v[1] = d[1] + d[2];
  v[2] = d[2] - d[1];
  v[3] = d[1] - d[3];
}

STRIATE_INLINE void input_line(const Vector (&d)[6], Vector (&v)[6]) {
  const Vector even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1];
  const Vector far_even = d[4] - d[2], far_odd = d[3] - d[1];
  v[0] = 4.0f * d[0] + (d[4] - 5.0f * d[2]);
  v[1] = even + odd;
  v[2] = even - odd;
  v[3] = far_even + 2.0f * far_odd;
  v[4] = far_even - 2.0f * far_odd;
  v[5] = 4.0f * d[1] + (d[5] - 5.0f * d[3]);
}

// u = G g
STRIATE_INLINE void weight_line(const Doubles (&g)[3], Doubles (&u)[4]) {
  const Doubles even = 0.5 * (g[0] + g[2]), odd = 0.5 * g[1];
  u[0] = g[0];
  u[1] = even + odd;
  u[2] = even - odd;
  u[3] = g[2];
}

STRIATE_INLINE void weight_line(const Doubles (&g)[3], Doubles (&u)[6]) {
  const Doubles even = (-1.0 / 6) * (g[0] + g[2]), odd = (-1.0 / 6) * g[1];
  const Doubles far_even = (1.0 / 24) * g[0] + (1.0 / 6) * g[2], far_odd = (1.0 / 12) * g[1];
  u[0] = 0.25 * g[0];
  u[1] = even + odd;
  u[2] = even - odd;
  u[3] = far_even + far_odd;
  u[4] = far_even - far_odd;
  u[5] = g[2];
}

// y = A' q
STRIATE_INLINE void output_line(const Vector (&q)[4], Vector (&y)[2]) {
  y[0] = q[0] + q[1] + q[2];
  y[1] = q[1] - q[2] - q[3];
}

STRIATE_INLINE void output_line(const Vector (&q)[6], Vector (&y)[4]) {
  const Vector even = q[1] + q[2], odd = q[1] - q[2];
  const Vector far_even = q[3] + q[4], far_odd = q[3] - q[4];
  y[0] = q[0] + even + far_even;
  y[1] = odd + 2.0f * far_odd;
  y[2] = even + 4.0f * far_even;
  y[3] = odd + 8.0f * far_odd + q[5];
}

}  // namespace striate::STRIATE_TARGET
