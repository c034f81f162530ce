// Group and instance normalisation of blocked maps, in three phases.
//
//   0  a piece of 1024 pixels of a block (32 or 64 KiB): each lane's mean, what is left over, and
//      the sum of squares around it
//   1  the channels of one group: their pieces put together in float64 (Chan, Golub and LeVeque
//      1983), in a fixed order, and for each channel y = (x - mean) * scale + shift
//   2  the same pieces: y
//
//   shared: statistics [n][block][piece][sum of x | of x - mean | of squares][L]
//           numbers    [n][block][mean | scale | shift][L]
#include "kernels/activate.hpp"
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "kernels/moments.hpp"
#include "norm/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kPiece = 1024;
constexpr int64_t kCell = 3 * kLanes;

int64_t pieces_of(const NormShape& s) {
  return ceil_div(s.pixels, kPiece);
}

int64_t blocks_of(const NormShape& s) {
  return ceil_div(s.channels, kLanes);
}

bool fits(const NormShape& s) {
  return s.mode == NormMode::group;
}

Needs needs(const NormShape& s, int) {
  const int64_t cells = s.batch * blocks_of(s);
  Needs needs;
  needs.shared_floats = ceil_div(cells * (pieces_of(s) + 1) * kCell, 16) * 16;
  needs.phases = 3;
  needs.tasks[0] = needs.tasks[2] = cells * pieces_of(s);
  needs.tasks[1] = s.batch * s.groups;
  return needs;
}

void measure(const float* x, int64_t pixels, float* cell) {
  Vector sum, squares;
  centred_sums(x, pixels, Vector{}, &sum, &squares);
  const Vector mean = sum * (1.0f / static_cast<float>(pixels));
  store(cell, mean);
  centred_sums(x, pixels, mean, &sum, &squares);
  store(cell + kLanes, sum);
  store(cell + 2 * kLanes, squares);
}

void put_together(const NormShape& s, const Buffers& buffers, int64_t n, int64_t group,
                  float* numbers) {
  const int64_t channels = s.channels / s.groups, from = group * channels, pieces = pieces_of(s);
  Moments all = {0, 0, 0};
  for (int64_t c = from; c < from + channels; ++c) {
    for (int64_t piece = 0; piece < pieces; ++piece) {
      const int64_t block = n * blocks_of(s) + c / kLanes;
      const float* cell = buffers.shared + (block * pieces + piece) * kCell + c % kLanes;
      const double count = static_cast<double>(least(kPiece, s.pixels - piece * kPiece));
      const double rest = cell[kLanes] / count;
      all.join({count, cell[0] + rest, cell[2 * kLanes] - rest * rest * count});
    }
  }
  const double deviation = 1 / __builtin_sqrt(all.squares / all.count + s.eps);
  const float mean = static_cast<float>(all.mean);
  for (int64_t c = from; c < from + channels; ++c) {
    const double scale = s.weight ? deviation * buffers.weight[0][c] : deviation;
    const double bias = s.bias ? buffers.weight[1][c] : 0;
    float* cell = numbers + (n * blocks_of(s) + c / kLanes) * kCell + c % kLanes;
    cell[0] = mean;
    cell[kLanes] = static_cast<float>(scale);
    cell[2 * kLanes] = static_cast<float>(bias + (mean - all.mean) * scale);
  }
}

void normalise(const NormShape& s, const float* x, const float* cell, int64_t pixels, int64_t used,
               float* y) {
  const IntVector mask = first_lanes(used);
  const Vector mean = masked(mask, load(cell)), scale = masked(mask, load(cell + kLanes));
  const Vector shift = masked(mask, load(cell + 2 * kLanes));
  for (int64_t p = 0; p < pixels; ++p) {
    store(y + p * kLanes, (load(x + p * kLanes) - mean) * scale + shift);
  }
  if (s.activation.kind == Activation::none) return;
  activate(s.activation, y, y, pixels * kLanes);
  clear_lanes(y, pixels, used);
}

void run(const NormShape& s, const Buffers& buffers, int phase, int64_t first, int64_t stop) {
  const int64_t blocks = blocks_of(s), pieces = pieces_of(s);
  float* numbers = buffers.shared + s.batch * blocks * pieces * kCell;
  for (int64_t task = first; task < stop; ++task) {
    if (phase == 1) {
      put_together(s, buffers, task / s.groups, task % s.groups, numbers);
      continue;
    }
    const int64_t p = task % pieces * kPiece, block = task / pieces % blocks;
    const int64_t n = task / pieces / blocks, pixels = least(kPiece, s.pixels - p);
    const int64_t at = (block * s.pixels + p) * kLanes;
    const float* x = buffers.in[0] + n * s.x_batch_stride + at;
    if (phase == 0) {
      measure(x, pixels, buffers.shared + task * kCell);
    } else {
      normalise(s, x, numbers + (n * blocks + block) * kCell, pixels, used_lanes(s.channels, block),
                buffers.out[0] + n * s.y_batch_stride + at);
    }
  }
}

}  // namespace

extern const Kernel<NormShape> norm_group;
const Kernel<NormShape> norm_group = {"group", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
