// A row at a time: the places that a vector of pixels comes from, then their four neighbours, two
// loads of a pair for each pixel.
#include "kernels/lanes.hpp"
#include "rotate/rotate.hpp"

namespace striate::STRIATE_TARGET {

namespace {

typedef int64_t Pairs __attribute__((vector_size(4 * STRIATE_LANES)));

STRIATE_INLINE int64_t load_pair(const float* p) {
  int64_t pair;
  __builtin_memcpy(&pair, p, sizeof pair);
  return pair;
}

// p[at] and p[at + 1] of each lane. The pairs of lanes 0 1 4 5 .. and 2 3 6 7 .. are put together,
// so that none has to cross into another quarter of a vector.
STRIATE_INLINE void load_neighbours(const float* p, const uint32_t* at, Vector& left,
                                    Vector& right) {
  Pairs a, b;
  IntVector even;
  STRIATE_UNROLL
  for (int k = 0; k < kLanes / 2; ++k) {
    const int lane = k / 2 * 4 + k % 2;
    a[k] = load_pair(p + at[lane]);
    b[k] = load_pair(p + at[lane + 2]);
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    even[lane] = lane / 4 * 4 + lane % 2 * 2 + (lane % 4 < 2 ? 0 : kLanes);
  }
  left = __builtin_shuffle((Vector)a, (Vector)b, even);
  right = __builtin_shuffle((Vector)a, (Vector)b, even + 1);
}

STRIATE_INLINE Vector between(const float* padded, int64_t stride, Vector row, Vector column) {
  const IntVector i = __builtin_convertvector(row, IntVector);  // they are 0 or more
  const IntVector j = __builtin_convertvector(column, IntVector);
  const Vector down = row - __builtin_convertvector(i, Vector);
  const Vector right = column - __builtin_convertvector(j, Vector);
  alignas(64) uint32_t at[kLanes];
  *reinterpret_cast<IntVector*>(at) = i * static_cast<int32_t>(stride) + j;
  asm volatile("" : "+m"(at));  // from memory: GCC would take them out of the vector one by one
  Vector a, b, c, d;
  load_neighbours(padded, at, a, b);
  load_neighbours(padded + stride, at, c, d);
  const Vector top = a + right * (b - a), bottom = c + right * (d - c);
  return top + down * (bottom - top);
}

STRIATE_INLINE Vector clamp(Vector v, Vector last) {
  return min(max(v, Vector{}), last);
}

STRIATE_INLINE float number(float pixel) {
  return pixel;
}

STRIATE_INLINE float number(uint8_t pixel) {
  return static_cast<float>(pixel) / 255;
}

template <typename Pixel>
void bilinear(int64_t height, int64_t width, const Turn& turn, const Pixel* x, float* padded,
              float* y) {
  const int64_t stride = width + 3;
  for (int64_t i = 0; i < height; ++i) {
    float* inside = padded + (i + 1) * stride + 1;
    for (int64_t j = 0; j < width; ++j) inside[j] = number(x[i * width + j]);
  }
  Vector lane;
  for (int k = 0; k < kLanes; ++k) lane[k] = static_cast<float>(k);
  const float middle = static_cast<float>(height - 1) / 2;
  const float centre = static_cast<float>(width - 1) / 2;
  const Vector last_row = broadcast(static_cast<float>(height + 1));
  const Vector last_column = broadcast(static_cast<float>(width + 1));
  for (int64_t i = 0; i < height; ++i, y += width) {
    const float u = turn.right - centre, v = static_cast<float>(i) - middle + turn.down;
    const float row = turn.sin * u + turn.cos * v + (middle + 1);  // of the row's first pixel
    const float column = turn.cos * u - turn.sin * v + (centre + 1);
    for (int64_t j = 0; j < width; j += kLanes) {
      const Vector along = lane + broadcast(static_cast<float>(j));
      const Vector found = between(padded, stride, clamp(row + turn.sin * along, last_row),
                                   clamp(column + turn.cos * along, last_column));
      if (j + kLanes <= width) {
        store_unaligned(y + j, found);
      } else {
        store_first(y + j, found, width - j);
      }
    }
  }
}

}  // namespace

extern const Rotates rotates;
const Rotates rotates = {bilinear<uint8_t>, bilinear<float>};

}  // namespace striate::STRIATE_TARGET
