// Functions of vectors: exp, log, tanh, erf and what activations are made of.
//
// Only for files that are compiled once a target. Errors against the exact function, over all
// floats whose result is a normal number (tests/native/test_math.py measures them): at most 4 ulp,
// of most functions 2. Infinities give the limit, NaN gives NaN. Nothing relies on a fused
// multiply-add. scripts/fit_polynomials makes the coefficients.
#pragma once

#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {

constexpr float kInfinity = __builtin_inff();

// f(x[0]), f(x[1]), ...: for functions that are not worth vectors.
template <typename Function>
STRIATE_INLINE Vector each_lane(Vector x, Function f) {
  Vector y;
  for (int i = 0; i < kLanes; ++i) y[i] = f(x[i]);
  return y;
}

template <int N>
STRIATE_INLINE Vector polynomial(Vector x, const float (&coefficients)[N]) {  // lowest first
  Vector y = broadcast(coefficients[N - 1]);
  STRIATE_UNROLL
  for (int i = N - 2; i >= 0; --i) y = y * x + broadcast(coefficients[i]);
  return y;
}

STRIATE_INLINE IntVector sign_bit(Vector x) {
  return (IntVector)x & (IntVector{} + INT32_MIN);
}

STRIATE_INLINE Vector abs(Vector x) {
  return (Vector)((IntVector)x & (IntVector{} + INT32_MAX));
}

STRIATE_INLINE Vector sqrt(Vector x) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  return _mm512_maskz_sqrt_ps(0xffff, x);  // whose operands are all defined (CMakeLists.txt)
#elif defined(__AVX2__) && STRIATE_LANES == 8
  return _mm256_sqrt_ps(x);
#else
  return each_lane(x, [](float v) STRIATE_LAMBDA { return __builtin_sqrtf(v); });
#endif
}

// Towards whole numbers: down, up, to the nearest (of two, the even one).
STRIATE_INLINE Vector floor(Vector x) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__) && STRIATE_LANES == 8
  return _mm256_floor_ps(x);
#else
  return each_lane(x, [](float v) STRIATE_LAMBDA { return __builtin_floorf(v); });
#endif
}

STRIATE_INLINE Vector ceil(Vector x) {
  const Vector y = floor(-x);
  return -y;
}

STRIATE_INLINE Vector round(Vector x) {
#if defined(__AVX512F__) && STRIATE_LANES == 16
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__) && STRIATE_LANES == 8
  return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  return each_lane(x, [](float v) STRIATE_LAMBDA { return __builtin_rintf(v); });
#endif
}

// ---- exp --------------------------------------------------------------------------------------

// e^x = (1 + rest) * 2^n with |log(1 + rest)| <= log(2) / 2.
struct Reduced {
  Vector rest;
  IntVector n;
};

constexpr float kLog2e = 1.44269504f;
constexpr float kLn2High = 0.693359375f;  // 9 bits: a whole number of 15 bits times it is exact
constexpr float kLn2Low = -2.12194440e-4f;
constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: x + it rounds x to a whole number

STRIATE_INLINE Vector expm1_small(Vector r) {  // e^r - 1 for |r| <= log(2) / 2
  constexpr float kExp[] = {0.49999997f, 0.166665465f, 0.041667439f, 0.00836625602f,
                            0.00138703163f};
  return r + r * r * polynomial(r, kExp);
}

// Of x + low, where |low| is small; |x| at most 10^4.
STRIATE_INLINE Reduced reduce(Vector x, Vector low) {
  const Vector shifted = x * broadcast(kLog2e) + broadcast(kRound);
  const Vector whole = shifted - broadcast(kRound);
  const Vector r = x - whole * broadcast(kLn2High) - whole * broadcast(kLn2Low) + low;
  return {expm1_small(r), (IntVector)shifted - (IntVector)broadcast(kRound)};
}

STRIATE_INLINE Vector power_of_two(IntVector n) {  // -126 .. 127
  return (Vector)((n + 127) << 23);
}

// e^x = value * scale, both normal: what is multiplied in between does not lose its last bits where
// e^x is denormal. For x from -170 to 89.
struct Scaled {
  Vector value, scale;
};

STRIATE_INLINE Scaled scaled(const Reduced& e) {
  const IntVector half = e.n >> 1;
  const Vector first = power_of_two(half);
  return {first + first * e.rest, power_of_two(e.n - half)};
}

STRIATE_INLINE Scaled scaled_exp(Vector x) {
  return scaled(reduce(x, Vector{}));
}

// The order of operands lets NaN through.
STRIATE_INLINE Vector between(float low, Vector x, float high) {
  return min(broadcast(high), max(broadcast(low), x));
}

STRIATE_INLINE Vector exp(Vector x) {
  const Scaled e = scaled_exp(between(-104, x, 89));
  return e.value * e.scale;
}

// e^x - 1
STRIATE_INLINE Vector expm1(Vector x) {
  const Reduced e = reduce(between(-20, x, 89), Vector{});
  const Vector half = power_of_two(e.n - 1);  // 2^n itself may overflow
  return 2.0f * (half * e.rest + (half - 0.5f));
}

// ---- log --------------------------------------------------------------------------------------

// log(1 + f) - f for 1 + f from sqrt(1/2) to sqrt(2)
STRIATE_INLINE Vector log1p_rest(Vector f) {
  constexpr float kLog[] = {0.333333313f, -0.250008196f, 0.200012416f, -0.166234076f,
                            0.142015815f, -0.131596401f, 0.127622098f, -0.0763631389f};
  const Vector square = f * f;
  return f * square * polynomial(f, kLog) - 0.5f * square;
}

STRIATE_INLINE Vector log(Vector x) {
  const IntVector denormal = x < 1.17549435e-38f;
  const Vector scaled = denormal ? x * 8388608.0f : x;
  // Without a sign: of negative x, which gives NaN, these differences pass the ends of int32.
  typedef uint32_t Bits __attribute__((vector_size(4 * STRIATE_LANES)));
  const Bits bits = (Bits)scaled;
  const IntVector e = (IntVector)(bits - 0x3f3504f3u) >> 23;  // of sqrt(1/2)
  const Vector f = (Vector)(bits - (Bits)(e << 23)) - 1.0f;
  const Vector n = __builtin_convertvector(e - (denormal & 23), Vector);
  const Vector y = f + (log1p_rest(f) + n * kLn2Low) + n * kLn2High;
  const Vector outside = x == 0.0f ? broadcast(-kInfinity) : broadcast(__builtin_nanf(""));
  return x > 0.0f ? (x == kInfinity ? x : y) : outside;
}

STRIATE_INLINE Vector log1p_of_share(Vector x) {  // log(1 + x) for x from 0 to 1
  const IntVector large = x > 0.41421356f;
  const Vector f = large ? (x - 1.0f) * 0.5f : x;  // 1 + x is 2 (1 + f), or 1 + f
  const Vector y = f + log1p_rest(f);
  return large ? y + 0.693147181f : y;
}

// ---- sigmoid, tanh and relatives ----------------------------------------------------------------

// 2^-40 (1 + e^-x), for x from -116 to 59: e^-x itself may exceed all floats. Rounding leaves n in
// the last bits of `shifted`, together with what an exponent needs: moved there it is 2^(n - 40).
constexpr float kShare = 9.09494702e-13f;  // 2^-40

STRIATE_INLINE Vector logistic_share(Vector x) {
  constexpr float kExp[] = {
      1, -1, 0.49999994f, -0.166665211f, 0.0416682623f, -0.00836867187f, 0.00138209993f};
  constexpr float kShift = kRound + 127 - 40;
  const Vector shifted = x * broadcast(-kLog2e) + broadcast(kShift);
  const Vector n = shifted - broadcast(kShift);
  const Vector rest = x + n * broadcast(kLn2High) + n * broadcast(kLn2Low);
  return (Vector)((IntVector)shifted << 23) * polynomial(rest, kExp) + kShare;
}

STRIATE_INLINE Vector sigmoid(Vector x) {
  return kShare / logistic_share(between(-116, x, 59));
}

// x / (1 + e^-x): normal down to x = -92, and 0 from -104 on. Beyond 59 what is above it is added.
STRIATE_INLINE Vector silu(Vector x) {
  const Vector low = max(broadcast(-116), x);
  const Vector t = min(broadcast(59), low);
  return t / logistic_share(t) * kShare + (low - t);
}

// x / (1 + e^-|x|) for positive, x e^-|x| / (1 + e^-|x|) for negative x.
STRIATE_INLINE Vector times_sigmoid(Vector x, const Scaled& e) {
  const Vector share = 1.0f + e.value * e.scale;
  return (x < 0.0f ? x * e.value * e.scale : x) / share;
}

// tanh|x| = -t / (2 + t) with t = e^(-2|x|) - 1
STRIATE_INLINE Vector tanh(Vector x) {
  const Vector t = expm1(-2.0f * abs(x));
  return (Vector)((IntVector)(-t / (2.0f + t)) | sign_bit(x));
}

STRIATE_INLINE Vector softplus(Vector x) {  // log(1 + e^x)
  return max(Vector{}, x) + log1p_of_share(exp(-abs(x)));
}

STRIATE_INLINE Vector log_sigmoid(Vector x) {
  return min(Vector{}, x) - log1p_of_share(exp(-abs(x)));
}

// x tanh(log(1 + e)) = x u / (u + 2) with e = e^x, u = e (e + 2)
STRIATE_INLINE Vector mish(Vector x) {
  const Vector low = between(-150, x, 10);
  const Scaled parts = scaled_exp(low);
  const Vector e = parts.value * parts.scale;
  const Vector y = low * parts.value * ((e + 2.0f) / (e * (e + 2.0f) + 2.0f)) * parts.scale;
  return x > 10.0f ? x : y;
}

// ---- erf and gelu -------------------------------------------------------------------------------

STRIATE_INLINE Vector first_bits(Vector x) {  // 12 of them: a product of two such is exact
  return (Vector)((IntVector)x & (IntVector{} + ~0xfff));
}

// e^(-x^2 * share); x^2 is split, since its rounding would show in the result: x = a + b with 12
// bits in a, x^2 = a^2 + b (a + x).
STRIATE_INLINE Scaled scaled_gauss(Vector x, float share) {
  const Vector a = first_bits(x);
  return scaled(reduce(a * a * -share, (x - a) * (x + a) * -share));
}

// (t + kTurn) Phi(-t) e^(t^2 / 2) for t from 0 to 15, of share = t / (t + kTurn); Phi is the normal
// distribution.
constexpr float kTurn = 2.609375f;

STRIATE_INLINE Vector tail_of_share(Vector share) {
  constexpr float kTail[] = {0.712363064f,     -0.452240974f,   0.154283673f,   -0.00130805443f,
                             -0.0171578899f,   0.000513400068f, 0.00271668192f, 0.000285087823f,
                             -0.000401351135f, -0.000132770481f};
  return polynomial(2.0f * share - 1.0f, kTail);
}

STRIATE_INLINE Vector normal_tail(Vector t) {  // Phi(-t) e^(t^2 / 2)
  const Vector inverse = 1.0f / (t + kTurn);
  return tail_of_share(t * inverse) * inverse;
}

STRIATE_INLINE Vector erf(Vector x) {
  constexpr float kErf[] = {0.128379166f,   -0.376126289f,    0.112836249f,   -0.0268556383f,
                            0.00519203069f, -0.000804380456f, 7.96397362e-05f};
  const Vector near = x + x * polynomial(x * x, kErf);
  const Vector t = min(broadcast(4.25f), abs(x));
  const Scaled e = scaled_gauss(t, 1.0f);
  const Vector far = 1.0f - 2.0f * normal_tail(t * 1.41421356f) * e.value * e.scale;
  return t < 0.9f ? near : (Vector)((IntVector)far | sign_bit(x));
}

// x Phi(x) = max(x, 0) - |x| Phi(-|x|). As in logistic_share, 2^40 e^(-t^2 / 2) comes of what
// rounding leaves; t^2 is split as in scaled_gauss.
STRIATE_INLINE Vector gelu(Vector x) {
  constexpr float kExp[] = {1,
                            -0.5f,
                            0.124999985f,
                            -0.0208331514f,
                            0.00260426639f,
                            -0.000261520996f,
                            2.15953114e-05f};  // e^(-rest / 2)
  constexpr float kShift = kRound + 127 + 40;
  const Vector t = min(broadcast(15), abs(x));
  const Vector a = first_bits(t), square = a * a;
  const Vector shifted = square * broadcast(-kLog2e / 2) + broadcast(kShift);
  const Vector n = shifted - broadcast(kShift);
  const Vector whole = square + n * broadcast(2 * kLn2High) + n * broadcast(2 * kLn2Low);
  const Vector rest = (t - a) * (t + a) + whole;
  const Vector gauss = (Vector)((IntVector)shifted << 23) * polynomial(rest, kExp);
  const Vector share = t / (t + kTurn);
  return max(Vector{}, x) - tail_of_share(share) * share * gauss * kShare;
}

// x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3). With c = 2 * 0.044715 sqrt(2 / pi) that is
// 2 u = c x (x^2 + 1 / 0.044715). Rounding that would show in the result, so x^2, the sum and its
// product with x are pairs of floats, whose first parts are exact; n log(2) / c comes off before c
// is multiplied in.
STRIATE_INLINE Vector gelu_tanh(Vector x) {
  constexpr float kC = 0.0713548139f, kCLog2e = 0.102943242f;
  constexpr float kShare = 22.3638592f, kShareLow = 8.25600637e-07f;
  constexpr float kLn2High = 9.6875f, kLn2Low = 0.0265910272f;  // log(2) / c
  const Vector t = abs(between(-12, x, 12));
  const Vector a = first_bits(t), b = t - a;
  const Vector square = a * a, sum = square + kShare;
  const Vector other = sum - kShare;
  const Vector rest = (kShare - (sum - other)) + (square - other) + (b * (a + t) + kShareLow);
  const Vector d = first_bits(sum);
  const Vector product = a * d, low = a * (sum - d) + b * sum + t * rest;
  const Vector shifted = (product + low) * -kCLog2e + broadcast(kRound);
  const Vector n = shifted - broadcast(kRound);  // not positive
  const Vector r = ((product + n * kLn2High) + (low + n * kLn2Low)) * -kC;
  const IntVector whole = (IntVector)shifted - (IntVector)broadcast(kRound);
  return times_sigmoid(max(broadcast(-12), x), scaled({expm1_small(r), whole}));
}

}  // namespace striate::STRIATE_TARGET
