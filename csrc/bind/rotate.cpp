// Images turned and shifted, for augmentation.
#include "rotate/rotate.hpp"

#include <nanobind/ndarray.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "bind/bind.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace striate::bind {
namespace {

using Maps = nb::ndarray<float, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
template <typename Pixel>
using Read = nb::ndarray<const Pixel, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using Turns = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr int64_t kMostPixels = INT32_MAX;  // places in a channel with its border are int32_t

template <typename Pixel>
void rotate_images(const Read<Pixel>& x, const Turns& turns, const Maps& y) {
  for (int axis = 0; axis < 4; ++axis) {
    if (x.shape(axis) == y.shape(axis)) continue;
    throw std::invalid_argument("y has another shape than x.");
  }
  if (turns.shape(0) != x.shape(0) || turns.shape(1) != 4) {
    throw std::invalid_argument("turns is (" + std::to_string(turns.shape(0)) + ", " +
                                std::to_string(turns.shape(1)) + "); (" +
                                std::to_string(x.shape(0)) + ", 4) is needed.");
  }
  Images images;
  images.count = static_cast<int64_t>(x.shape(0));
  images.channels = static_cast<int64_t>(x.shape(1));
  images.height = static_cast<int64_t>(x.shape(2));
  images.width = static_cast<int64_t>(x.shape(3));
  if ((images.height + 3) * (images.width + 3) > kMostPixels) {
    throw std::invalid_argument("images of " + std::to_string(images.height) + "x" +
                                std::to_string(images.width) + " are too large to turn.");
  }
  static_assert(sizeof(Turn) == 4 * sizeof(float));
  const ReleaseGil release;
  rotate(images, reinterpret_cast<const Turn*>(turns.data()), x.data(), y.data());
}

}  // namespace

void bind_rotate(nb::module_& m) {
  m.def("rotate_images", &rotate_images<float>, "x"_a.noconvert(), "turns"_a.noconvert(),
        "y"_a.noconvert(),
        "Turn images (N, C, H, W) about their centres and shift them, bilinear, with 0 outside.\n"
        "`turns` holds (cos, sin, down, right) of each: what comes to a place p, counted from the\n"
        "centre, is what lies at R(p + (down, right)).");
  m.def("rotate_images", &rotate_images<uint8_t>, "x"_a.noconvert(), "turns"_a.noconvert(),
        "y"_a.noconvert(), "The same of bytes, of which 255 becomes 1.");
}

}  // namespace striate::bind
