// Images turned about their centre and shifted, bilinear, with 0 outside of them; bytes 0 .. 255
// become 0 .. 1:
//
//   y[c,i,j] = x[c, a + sin * u + cos * v, b + cos * u - sin * v]      between pixels, bilinear
//   u = j - b + right, v = i - a + down, and (a, b) = ((H - 1) / 2, (W - 1) / 2) is the centre
//
// The kernel reads x with a border, so that no tap asks whether it lies inside:
//
//   0 0 0 0 0 0      1 before and 2 behind along both axes: (H + 3) x (W + 3). What lies further
//   0 x x x 0 0      outside is read at the border.
//   0 x x x 0 0
//   0 0 0 0 0 0
//   0 0 0 0 0 0
#pragma once

#include <cstdint>

namespace striate {

struct Turn {
  float cos, sin, down, right;
};

struct Images {
  int64_t count, channels, height, width;
};

// One channel of an image. `padded` has room for it with its border, which is 0.
template <typename Pixel>
using Rotate = void (*)(int64_t height, int64_t width, const Turn&, const Pixel* x, float* padded,
                        float* y);

// Of one target.
struct Rotates {
  Rotate<uint8_t> bytes;
  Rotate<float> floats;
};

// Each image by its own turn, on the threads of the pool. y does not overlap x.
void rotate(const Images& images, const Turn* turns, const uint8_t* x, float* y);
void rotate(const Images& images, const Turn* turns, const float* x, float* y);

}  // namespace striate
