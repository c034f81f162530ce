// Winograd's algorithm for strided filters: of an axis with K taps, S apart, four outputs a tile.
//
//   y[j] = sum over k of w[k] x[S j + k]
//
// Input S i + f belongs to phase f, and meets the taps f, f + S, ... alone: at stride 1. So there
// are S convolutions of R = ceil(K / S) taps or of one less, which add up. With F = R + 2 points
// and infinity for four outputs, phases with less taps do without infinity:
//
//   phase    taps of 7x7, stride 2    inputs of a tile              products
//   0        w0 w2 w4 w6              x0 x2 x4 x6 x8 x10 x12        6 points, infinity
//   1        w1 w3 w5                 x1 x3 x5 x7 x9 x11            6 points
//
// That is 13 products for four outputs instead of 28, and 169 for 784 in the plane. Since the
// points are the same for all phases, so is A^T: the products at a point are summed before it is
// applied.
//
//   Y = A^T (sum over phases of (G g G^T) * (B^T d B)) A
//
// A^T takes the powers of the points, G the powers by a tap over the product of p - q for all other
// points q; a row of B^T is the polynomial with all points but p as zeros, and that of infinity the
// one with all points (Toom-Cook, turned around: Winograd 1980, Lavin and Gray 2016). The points
// are p and -p, so that polynomials of x^2 serve two. What B^T makes of a tile's inputs are its
// *lines*: point 0 of phase 0, of phase 1, ..., point 1, ..., infinity of the longer phases.
//
// The points are those, of the multiples of 1/8 that were searched, which err little: 1 to 2
// millionth of the largest output with 3 channels (docs/performance.md).
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

constexpr int kTileOutputs = 4;  // along an axis

// Half of F points; where F is odd, 0 is one more.
template <int F>
struct Points;

template <>
struct Points<4> {
  static constexpr double p[] = {0.5, 1.25};
};

template <>
struct Points<5> {
  static constexpr double p[] = {0.75, 1.5};
};

template <>
struct Points<6> {
  static constexpr double p[] = {0.375, 1, 1.75};
};

template <int S, int K>
struct Phases {
  static constexpr int kStride = S, kTaps = K;
  static constexpr int kStep = kTileOutputs * S;  // inputs from tile to tile
  static constexpr int kReach = kStep - S + K;    // inputs of a tile
  static constexpr int kFinite = kTileOutputs + (K + S - 1) / S - 2;
  static constexpr int kPairs = kFinite / 2, kZero = kFinite % 2;
  static constexpr int kPoints = kFinite + 1;
  static constexpr int kLong = (K - 1) % S + 1;  // phases with the most taps
  static constexpr int kLines = kFinite * S + kLong;

  // Lines of a point.
  static constexpr int begin(int point) { return point * S; }
  static constexpr int count(int point) { return point < kFinite ? S : kLong; }

  static constexpr double point(int i) {
    return i < 2 * kPairs ? (i % 2 ? -1 : 1) * Points<kFinite>::p[i / 2] : 0;
  }
};

// g[tap][line] = G[line][tap]
template <typename P>
struct PhaseWeights {
  double g[P::kTaps][P::kLines] = {};

  constexpr PhaseWeights() {
    for (int line = 0; line < P::kLines; ++line) {
      const int p = line / P::kStride;
      for (int tap = line % P::kStride; tap < P::kTaps; tap += P::kStride) {
        double weight = p < P::kFinite || tap + P::kStride >= P::kTaps ? 1 : 0;
        for (int i = 0; p < P::kFinite && i < tap / P::kStride; ++i) weight *= P::point(p);
        for (int i = 0; p < P::kFinite && i < P::kFinite; ++i) {
          if (i != p) weight /= P::point(p) - P::point(i);
        }
        g[tap][line] = weight;
      }
    }
  }
};

template <typename P>
static constexpr PhaseWeights<P> kWeights;

// What the transforms multiply with. All are fractions of few bits: exact.
template <int F>
struct PhaseFactors {
  // [i][k]: what x^2k is multiplied with in the product of x^2 - p^2 over all pairs but i.
  float squares[F / 2 + 1][F / 2 + 1] = {};
  float powers[F / 2][kTileOutputs] = {};

  constexpr PhaseFactors() {
    for (int i = 0; i <= F / 2; ++i) {
      double c[F / 2 + 1] = {1};
      int n = 0;
      for (int j = 0; j < F / 2; ++j) {
        if (j == i) continue;
        const double square = Points<F>::p[j] * Points<F>::p[j];
        c[++n] = 1;
        for (int k = n - 1; k >= 0; --k) c[k] = (k > 0 ? c[k - 1] : 0) - square * c[k];
      }
      for (int k = 0; k <= n; ++k) squares[i][k] = static_cast<float>(c[k]);
    }
    for (int i = 0; i < F / 2; ++i) {
      double power = 1;
      for (int k = 0; k < kTileOutputs; ++k, power *= Points<F>::p[i]) {
        powers[i][k] = static_cast<float>(power);
      }
    }
  }
};

template <int F>
static constexpr PhaseFactors<F> kFactors;

// The polynomial of x^2 of degree `degree`, x^k being input k of a phase.
template <typename P>
STRIATE_INLINE Vector polynomial(const float* squares, int degree, const Vector* d) {
  Vector sum = d[2 * degree * P::kStride];
  STRIATE_UNROLL
  for (int k = degree - 1; k >= 0; --k) sum += squares[k] * d[2 * k * P::kStride];
  return sum;
}

// t = B^T d
template <typename P>
STRIATE_INLINE void transform_inputs(const Vector (&d)[P::kReach], Vector (&t)[P::kLines]) {
  constexpr int F = P::kFinite, S = P::kStride, pairs = P::kPairs, zero = P::kZero;
  STRIATE_UNROLL
  for (int f = 0; f < S; ++f) {
    STRIATE_UNROLL
    for (int i = 0; i < pairs; ++i) {
      const float* const squares = kFactors<F>.squares[i];
      const Vector high = polynomial<P>(squares, pairs - 1, d + (zero + 1) * S + f);
      const Vector low = polynomial<P>(squares, pairs - 1, d + zero * S + f);
      t[2 * i * S + f] = high + kFactors<F>.powers[i][1] * low;
      t[(2 * i + 1) * S + f] = high - kFactors<F>.powers[i][1] * low;
    }
    const float* const all = kFactors<F>.squares[pairs];
    if (zero) t[2 * pairs * S + f] = polynomial<P>(all, pairs, d + f);
    if (f < P::kLong) t[F * S + f] = polynomial<P>(all, pairs, d + zero * S + f);
  }
}

// y = A^T m
template <typename P>
STRIATE_INLINE void transform_products(const Vector (&m)[P::kPoints], Vector (&y)[kTileOutputs]) {
  constexpr int F = P::kFinite, pairs = P::kPairs;
  Vector even[pairs], odd[pairs];
  STRIATE_UNROLL
  for (int i = 0; i < pairs; ++i) {
    even[i] = m[2 * i] + m[2 * i + 1];
    odd[i] = m[2 * i] - m[2 * i + 1];
  }
  STRIATE_UNROLL
  for (int k = 0; k < kTileOutputs; ++k) {
    const Vector* const of = k % 2 ? odd : even;
    y[k] = k == 0 ? of[0] : kFactors<F>.powers[0][k] * of[0];
    STRIATE_UNROLL
    for (int i = 1; i < pairs; ++i) {
      if (k == 0) {
        y[k] += of[i];
      } else {
        y[k] += kFactors<F>.powers[i][k] * of[i];
      }
    }
  }
  if (P::kZero) y[0] += m[2 * pairs];
  y[kTileOutputs - 1] += m[F];
}

}  // namespace striate::STRIATE_TARGET
