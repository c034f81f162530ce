// Every convolution, one output channel block of one row at a time, by the definition.
//
// Slow, and the measure of the others; sums are kept in float64. The weights stay as they are:
// (out_channels, in_channels / groups, taps).
#include "conv/kernels/filters.hpp"
#include "kernels/activate.hpp"
#include "kernels/vector.hpp"

namespace striate::STRIATE_TARGET {
namespace {

bool fits(const ConvShape& s) {
  return !s.plain_weight;
}

Needs needs(const ConvShape& s, int) {
  Needs needs;
  needs.weight_floats = s.out_channels * (s.in_channels / s.groups) * s.taps();
  needs.tasks[0] = s.batch * ceil_div(s.out_channels, kLanes) * s.made(0) * s.made(1);
  return needs;
}

void pack(const ConvShape& s, const Filters& w, float* packed, int64_t, int64_t) {
  const int64_t outputs = s.out_channels / s.groups, channels = s.in_channels / s.groups;
  for (int64_t o = 0; o < s.out_channels; ++o) {
    const float* filter = w.first + o / outputs * w.group + o % outputs * w.output;
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t tap = 0; tap < s.taps(); ++tap) {
        *packed++ = filter[c * w.channel + tap_place(s, w, tap)];
      }
    }
  }
}

// x[n, c, z, y, x], 0 outside the map.
float input(const ConvShape& s, const Buffers& b, int64_t n, int64_t c, const int64_t* at) {
  for (int axis = 0; axis < 3; ++axis) {
    if (at[axis] < 0 || at[axis] >= s.in[axis]) return 0;
  }
  const int64_t pixel = (at[0] * s.in[1] + at[1]) * s.in[2] + at[2];
  const float* map = b.in[0] + n * s.x_batch_stride;
  if (s.plain_input) return map[c * s.in_pixels() + pixel];
  const float x = map[(c / kLanes * s.in_pixels() + pixel) * kLanes + c % kLanes];
  if (!s.scale) return x;
  const int64_t channels = ceil_div(s.in_channels, kLanes) * kLanes;
  return x * b.in[2][n * channels + c];
}

double sum(const ConvShape& s, const Buffers& b, int64_t n, int64_t o, const int64_t* place) {
  const int64_t channels = s.in_channels / s.groups;
  const int64_t group = o / (s.out_channels / s.groups);
  double total = s.bias ? b.weight[1][o] : 0;
  for (int64_t c = 0; c < channels; ++c) {
    const float* weight = b.weight[0] + (o * channels + c) * s.taps();
    int64_t tap[3];
    for (tap[0] = 0; tap[0] < s.kernel[0]; ++tap[0]) {
      for (tap[1] = 0; tap[1] < s.kernel[1]; ++tap[1]) {
        for (tap[2] = 0; tap[2] < s.kernel[2]; ++tap[2]) {
          int64_t at[3];
          for (int i = 0; i < 3; ++i) {
            at[i] = place[i] * s.stride[i] - s.padding[i] + tap[i] * s.dilation[i];
          }
          total += static_cast<double>(*weight++) * input(s, b, n, group * channels + c, at);
        }
      }
    }
  }
  return total;
}

// The largest sum of a window of 2x2 places, NaN where one is; of others, the sum.
double largest(const ConvShape& s, const Buffers& b, int64_t n, int64_t o, const int64_t* pixel) {
  if (!s.pool) return sum(s, b, n, o, pixel);
  double most = 0;
  for (int i = 0; i < 4; ++i) {
    const int64_t place[3] = {pixel[0], 2 * pixel[1] + i / 2, 2 * pixel[2] + i % 2};
    const double found = sum(s, b, n, o, place);
    if (found != found) return found;
    if (i == 0 || found > most) most = found;
  }
  return most;
}

void run(const ConvShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const int64_t blocks = ceil_div(s.out_channels, kLanes), rows = s.made(1);
  for (int64_t task = first; task < stop; ++task) {
    int64_t place[3] = {task / rows % s.out[0], task % rows, 0};
    const int64_t block = task / rows / s.out[0] % blocks;
    const int64_t n = task / rows / s.out[0] / blocks;
    for (place[2] = 0; place[2] < s.made(2); ++place[2]) {
      int64_t pixel = 0;
      for (int i = 0; i < 3; ++i) {
        pixel = pixel * s.out_full[i] + s.out_start[i] + place[i] * s.out_step[i];
      }
      const int64_t cell = (block * s.full_pixels() + pixel) * kLanes;
      alignas(64) float y[kLanes] = {};
      for (int64_t lane = 0; lane < least(kLanes, s.out_channels - block * kLanes); ++lane) {
        y[lane] = static_cast<float>(largest(s, b, n, block * kLanes + lane, place));
        if (s.residual) y[lane] += b.in[1][n * s.residual_batch_stride + cell + lane];
      }
      store(b.out[0] + n * s.y_batch_stride + cell, activated(s.activation, load(y)));
    }
  }
}

}  // namespace

extern const Kernel<ConvShape> conv_reference;
const Kernel<ConvShape> conv_reference = {"reference", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
