#include "rotate/rotate.hpp"

#include <vector>

#include "kernels/target.hpp"
#include "threads/parallel.hpp"

namespace striate {
namespace {

template <typename Pixel>
void rotate_all(const Images& images, const Turn* turns, const Pixel* x, float* y,
                Rotate<Pixel> run) {
  const int64_t H = images.height, W = images.width;
  parallel_for(images.count, [&](int64_t first, int64_t stop, int) {
    std::vector<float> padded((H + 3) * (W + 3));
    for (int64_t map = first * images.channels; map < stop * images.channels; ++map) {
      run(H, W, turns[map / images.channels], x + map * H * W, padded.data(), y + map * H * W);
    }
  });
}

}  // namespace

void rotate(const Images& images, const Turn* turns, const uint8_t* x, float* y) {
  rotate_all(images, turns, x, y, targets().front()->rotates.bytes);
}

void rotate(const Images& images, const Turn* turns, const float* x, float* y) {
  rotate_all(images, turns, x, y, targets().front()->rotates.floats);
}

}  // namespace striate
