// Pixels of a block's channels, taken from plain maps and put back. Only for files that are
// compiled once a target.
//
// Of whole blocks L channels by L pixels at a time are transposed in registers, so that each line
// is written at once; the last square of a run may overlap the one before. Of others four channels
// by four pixels, in vectors of four floats on every target; what is left over goes one by one.
#pragma once

#include "kernels/transpose.hpp"

namespace striate::STRIATE_TARGET {

typedef float Quad __attribute__((vector_size(16)));
typedef float UnalignedQuad __attribute__((vector_size(16), aligned(4)));
typedef int32_t QuadPlaces __attribute__((vector_size(16)));

STRIATE_INLINE void transpose_four(Quad (&q)[4]) {
  constexpr QuadPlaces kLow = {0, 4, 1, 5}, kHigh = {2, 6, 3, 7};
  constexpr QuadPlaces kLowHalves = {0, 1, 4, 5}, kHighHalves = {2, 3, 6, 7};
  const Quad a = __builtin_shuffle(q[0], q[1], kLow), b = __builtin_shuffle(q[2], q[3], kLow);
  const Quad c = __builtin_shuffle(q[0], q[1], kHigh), d = __builtin_shuffle(q[2], q[3], kHigh);
  q[0] = __builtin_shuffle(a, b, kLowHalves);
  q[1] = __builtin_shuffle(a, b, kHighHalves);
  q[2] = __builtin_shuffle(c, d, kLowHalves);
  q[3] = __builtin_shuffle(c, d, kHighHalves);
}

// Four rows of `from`, `from_step` floats apart, become the columns of four of `to`.
STRIATE_INLINE void turn(const float* from, int64_t from_step, float* to, int64_t to_step) {
  Quad q[4];
  STRIATE_UNROLL
  for (int i = 0; i < 4; ++i) q[i] = *reinterpret_cast<const UnalignedQuad*>(from + i * from_step);
  transpose_four(q);
  STRIATE_UNROLL
  for (int i = 0; i < 4; ++i) *reinterpret_cast<UnalignedQuad*>(to + i * to_step) = q[i];
}

// square(lane, pixel) for all squares of four rows by four pixels, kRun pixels of some rows before
// the next rows'.
template <int64_t kRun, typename Square>
STRIATE_INLINE void squares(int64_t rows, int64_t pixels, Square square) {
  for (int64_t from = 0; from < pixels; from += kRun) {
    const int64_t stop = kRun == 4 ? from + 4 : least(from + kRun, pixels);
    for (int64_t lane = 0; lane < rows; lane += 4) {
      _Pragma("GCC unroll 4") for (int64_t p = from; p < stop; p += 4) square(lane, p);
    }
  }
}

// Rows a multiple of 4 KiB apart share a set of L1, which holds fewer lines than there are rows:
// there a line is turned whole.
template <typename Square>
STRIATE_INLINE void each_square(int64_t rows, int64_t pixels, int64_t apart, Square square) {
  apart % 1024 == 0 ? squares<16>(rows, pixels, square) : squares<4>(rows, pixels, square);
}

// Where registers are narrower than a block, turning one whole takes 5 to 8 times as long.
#if defined(__AVX512F__) || defined(__AVX2__)
constexpr bool kTurnsWhole = true;
#else
constexpr bool kTurnsWhole = false;
#endif

// turn() of kLanes rows and as many columns.
STRIATE_INLINE void turn_whole(const float* from, int64_t from_step, float* to, int64_t to_step) {
  Vector v[kLanes];
  STRIATE_UNROLL
  for (int i = 0; i < kLanes; ++i) v[i] = load_unaligned(from + i * from_step);
  transpose(v);
  STRIATE_UNROLL
  for (int i = 0; i < kLanes; ++i) store_unaligned(to + i * to_step, v[i]);
}

// square(pixel) for squares that cover all pixels, of which there are kLanes or more.
template <typename Square>
STRIATE_INLINE void whole_squares(int64_t pixels, Square square) {
  int64_t p = 0;
  for (; p + kLanes <= pixels; p += kLanes) square(p);
  if (p < pixels) square(pixels - kLanes);
}

// `apart` floats lie between the rows of a plain map: its channels. Rows side by side are of maps
// of one pixel.
inline void block_pixels(const float* plain, int64_t rows, int64_t apart, int64_t count,
                         float* blocked) {
  if (apart == 1) {
    for (int64_t lane = 0; lane < kLanes; ++lane) blocked[lane] = lane < rows ? plain[lane] : 0;
    return;
  }
  if (kTurnsWhole && rows == kLanes && count >= kLanes) {
    return whole_squares(count, [&](int64_t p) STRIATE_LAMBDA {
      turn_whole(plain + p, apart, blocked + p * kLanes, kLanes);
    });
  }
  const int64_t turned_rows = rows / 4 * 4, turned = turned_rows > 0 ? count / 4 * 4 : 0;
  each_square(turned_rows, turned, apart, [&](int64_t lane, int64_t p) STRIATE_LAMBDA {
    turn(plain + lane * apart + p, apart, blocked + p * kLanes + lane, kLanes);
  });
  for (int64_t p = turned_rows < kLanes ? 0 : turned; p < count; ++p) {
    for (int64_t lane = p < turned ? turned_rows : 0; lane < kLanes; ++lane) {
      blocked[p * kLanes + lane] = lane < rows ? plain[lane * apart + p] : 0;
    }
  }
}

inline void unblock_pixels(const float* blocked, int64_t rows, int64_t apart, int64_t count,
                           float* plain) {
  if (apart == 1) {
    for (int64_t lane = 0; lane < rows; ++lane) plain[lane] = blocked[lane];
    return;
  }
  if (kTurnsWhole && rows == kLanes && count >= kLanes) {
    return whole_squares(count, [&](int64_t p) STRIATE_LAMBDA {
      turn_whole(blocked + p * kLanes, kLanes, plain + p, apart);
    });
  }
  const int64_t turned_rows = rows / 4 * 4, turned = count / 4 * 4;
  each_square(turned_rows, turned, apart, [&](int64_t lane, int64_t p) STRIATE_LAMBDA {
    turn(blocked + p * kLanes + lane, kLanes, plain + lane * apart + p, apart);
  });
  for (int64_t lane = 0; lane < rows; ++lane) {
    for (int64_t p = lane < turned_rows ? turned : 0; p < count; ++p) {
      plain[lane * apart + p] = blocked[p * kLanes + lane];
    }
  }
}

}  // namespace striate::STRIATE_TARGET
