// Every weight by the definition, in float64: slow, and the measure of the others.
#include "conv_weight/shape.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const ConvWeightShape& s) {
  return !s.norm;
}

Needs needs(const ConvWeightShape& s, int) {
  Needs needs;
  needs.tasks[0] = s.out_channels;
  return needs;
}

int64_t cell(int64_t channel, int64_t pixels, int64_t pixel) {
  return (channel / kLanes * pixels + pixel) * kLanes + channel % kLanes;
}

// gy[n, o] at place i times what weight (c, tap) reads there.
double product(const ConvWeightShape& s, const Buffers& b, int64_t n, int64_t o, int64_t c,
               const int64_t* tap, int64_t i) {
  const int64_t place[3] = {i / s.out[2] / s.out[1], i / s.out[2] % s.out[1], i % s.out[2]};
  int64_t pixel = 0;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t at =
        place[axis] * s.stride[axis] - s.padding[axis] + tap[axis] * s.dilation[axis];
    if (at < 0 || at >= s.in[axis]) return 0;
    pixel = pixel * s.in[axis] + at;
  }
  const int64_t from = s.plain_input ? c * s.in_pixels() + pixel : cell(c, s.in_pixels(), pixel);
  const double x = b.in[0][n * s.x_batch_stride + from];
  return x * b.in[1][n * s.y_batch_stride + cell(o, s.out_pixels(), i)];
}

float weight(const ConvWeightShape& s, const Buffers& b, int64_t o, int64_t c, int64_t tap) {
  const int64_t at[3] = {tap / s.kernel[2] / s.kernel[1], tap / s.kernel[2] % s.kernel[1],
                         tap % s.kernel[2]};
  double sum = 0;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t i = 0; i < s.out_pixels(); ++i) sum += product(s, b, n, o, c, at, i);
  }
  return static_cast<float>(sum);
}

void run(const ConvWeightShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t channels = s.in_channels / s.groups, outputs = s.out_channels / s.groups;
  for (int64_t o = first; o < stop; ++o) {
    float* to = b.out[0] + o * channels * s.taps();
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t tap = 0; tap < s.taps(); ++tap) {
        *to++ = weight(s, b, o, o / outputs * channels + c, tap);
      }
    }
    if (!s.bias) continue;
    double sum = 0;
    for (int64_t n = 0; n < s.batch; ++n) {
      const float* gy = b.in[1] + n * s.y_batch_stride;
      for (int64_t i = 0; i < s.out_pixels(); ++i) sum += gy[cell(o, s.out_pixels(), i)];
    }
    b.out[1][o] = static_cast<float>(sum);
  }
}

}  // namespace

extern const Kernel<ConvWeightShape> conv_weight_reference;
const Kernel<ConvWeightShape> conv_weight_reference = {"reference", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
