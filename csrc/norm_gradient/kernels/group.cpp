// Gradients of group and instance normalisation of blocked maps, in three phases.
//
//   0  a piece of 1024 pixels of a block: each lane's mean of x, what is left over, the squares
//      around it, and sums of gy and of gy * (x - mean)
//   1  the channels of one group of one image: their pieces put together in float64
//   2  the same pieces: gx = gy * a + (x - mean) * b + c; behind them the blocks: gw and gb, the
//      images' in their order
//
//   shared: cells   [n][block][piece][mean | rest | squares | sum of gy | of gy * (x - mean)][L]
//           numbers [n][block][mean | a | b | c | gw of image n | gb of image n][L]
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "kernels/moments.hpp"
#include "norm_gradient/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kPiece = 1024;
constexpr int64_t kCell = 5 * kLanes, kNumbers = 6 * kLanes;

struct Split {
  int64_t blocks, pieces, cells;  // of an image, of a block; all of them
  int64_t numbers() const { return cells * kCell; }
};

Split split_of(const NormGradientShape& s) {
  const int64_t blocks = ceil_div(s.channels, kLanes), pieces = ceil_div(s.pixels, kPiece);
  return {blocks, pieces, s.batch * blocks * pieces};
}

bool fits(const NormGradientShape& s) {
  return s.mode == NormGradientMode::group;
}

Needs needs(const NormGradientShape& s, int) {
  const Split split = split_of(s);
  Needs needs;
  const int64_t floats = split.numbers() + s.batch * split.blocks * kNumbers;
  needs.shared_floats = ceil_div(floats, 16) * 16;
  needs.phases = 3;
  needs.tasks[0] = split.cells;
  needs.tasks[1] = s.batch * s.groups;
  needs.tasks[2] = split.cells + split.blocks;
  return needs;
}

void measure(const float* gy, const float* x, int64_t pixels, float* cell) {
  Vector rest, squares;
  centred_sums(x, pixels, Vector{}, &rest, &squares);
  const Vector mean = rest * (1.0f / static_cast<float>(pixels));
  centred_sums(x, pixels, mean, &rest, &squares);
  Vector sums[4] = {}, products[4] = {};
  const auto add = [&](int64_t p, int k) STRIATE_LAMBDA {
    const Vector g = load(gy + p * kLanes);
    sums[k] += g;
    products[k] += g * (load(x + p * kLanes) - mean);
  };
  int64_t p = 0;
  for (; p + 4 <= pixels; p += 4) {
    STRIATE_UNROLL
    for (int k = 0; k < 4; ++k) add(p + k, k);
  }
  for (; p < pixels; ++p) add(p, 0);
  store(cell, mean);
  store(cell + kLanes, rest);
  store(cell + 2 * kLanes, squares);
  store(cell + 3 * kLanes, (sums[0] + sums[1]) + (sums[2] + sums[3]));
  store(cell + 4 * kLanes, (products[0] + products[1]) + (products[2] + products[3]));
}

struct Work {
  const NormGradientShape& s;
  const Buffers& b;
  Split split;

  // A channel's lane of its first piece's cell, and of its numbers.
  const float* cell(int64_t n, int64_t c) const {
    return b.shared + (n * split.blocks + c / kLanes) * split.pieces * kCell + c % kLanes;
  }
  float* numbers(int64_t n, int64_t block) const {
    return b.shared + split.numbers() + (n * split.blocks + block) * kNumbers;
  }
  double count(int64_t piece) const {
    return static_cast<double>(least(kPiece, s.pixels - piece * kPiece));
  }
};

Moments moments_of(const Work& w, int64_t n, int64_t from, int64_t stop) {
  Moments all = {0, 0, 0};
  for (int64_t c = from; c < stop; ++c) {
    const float* cell = w.cell(n, c);
    for (int64_t piece = 0; piece < w.split.pieces; ++piece, cell += kCell) {
      const double count = w.count(piece), rest = cell[kLanes] / count;
      all.join({count, cell[0] + rest, cell[2 * kLanes] - rest * rest * count});
    }
  }
  return all;
}

void put_together(const Work& w, int64_t n, int64_t group) {
  const int64_t channels = w.s.channels / w.s.groups, from = group * channels;
  const Moments all = moments_of(w, n, from, from + channels);
  const double scale = 1 / __builtin_sqrt(all.squares / all.count + w.s.eps);
  double sum = 0, product = 0;  // of g, and of g * n
  for (int64_t c = from; c < from + channels; ++c) {
    double gw = 0, gb = 0;
    const float* cell = w.cell(n, c);
    for (int64_t piece = 0; piece < w.split.pieces; ++piece, cell += kCell) {
      gb += cell[3 * kLanes];
      gw += (cell[4 * kLanes] + (cell[0] - all.mean) * cell[3 * kLanes]) * scale;
    }
    const double weight = w.s.weight ? w.b.in[2][c] : 1;
    sum += weight * gb;
    product += weight * gw;
    float* numbers = w.numbers(n, c / kLanes) + c % kLanes;
    numbers[kLanes] = static_cast<float>(weight * scale);
    numbers[4 * kLanes] = static_cast<float>(gw);
    numbers[5 * kLanes] = static_cast<float>(gb);
  }
  const float mean = static_cast<float>(all.mean);
  const double slope = -product / all.count * scale * scale;
  for (int64_t c = from; c < from + channels; ++c) {
    float* numbers = w.numbers(n, c / kLanes) + c % kLanes;
    numbers[0] = mean;
    numbers[2 * kLanes] = static_cast<float>(slope);
    numbers[3 * kLanes] = static_cast<float>((mean - all.mean) * slope - sum / all.count * scale);
  }
}

void write_piece(const float* gy, const float* x, const float* numbers, int64_t pixels,
                 int64_t used, float* gx) {
  const IntVector mask = first_lanes(used);
  const auto number = [&](int i)
                          STRIATE_LAMBDA { return masked(mask, load(numbers + i * kLanes)); };
  const Vector mean = number(0), a = number(1), b = number(2), c = number(3);
  for (int64_t p = 0; p < pixels * kLanes; p += kLanes) {
    store(gx + p, load(gy + p) * a + (load(x + p) - mean) * b + c);
  }
}

void add_images(const Work& w, int64_t block) {
  double sums[2 * kLanes] = {};
  for (int64_t n = 0; n < w.s.batch; ++n) {
    const float* numbers = w.numbers(n, block) + 4 * kLanes;
    for (int i = 0; i < 2 * kLanes; ++i) sums[i] += numbers[i];
  }
  Vector gw, gb;
  for (int lane = 0; lane < kLanes; ++lane) {
    gw[lane] = static_cast<float>(sums[lane]);
    gb[lane] = static_cast<float>(sums[kLanes + lane]);
  }
  store_channels(w.b.out[1], gw, w.s.channels, block);
  store_channels(w.b.out[2], gb, w.s.channels, block);
}

void run_piece(const Work& w, int phase, int64_t task) {
  const NormGradientShape& s = w.s;
  const int64_t piece = task % w.split.pieces, block = task / w.split.pieces % w.split.blocks;
  const int64_t n = task / w.split.pieces / w.split.blocks, p = piece * kPiece;
  const int64_t pixels = least(kPiece, s.pixels - p), at = (block * s.pixels + p) * kLanes;
  const float* gy = w.b.in[0] + n * s.gy_batch_stride + at;
  const float* x = w.b.in[1] + n * s.x_batch_stride + at;
  if (phase == 0) {
    measure(gy, x, pixels, w.b.shared + task * kCell);
  } else if (s.input) {
    write_piece(gy, x, w.numbers(n, block), pixels, used_lanes(s.channels, block),
                w.b.out[0] + n * s.gx_batch_stride + at);
  }
}

void run(const NormGradientShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Work work = {s, b, split_of(s)};
  for (int64_t task = first; task < stop; ++task) {
    if (phase == 1) {
      put_together(work, task / s.groups, task % s.groups);
    } else if (task < work.split.cells) {
      run_piece(work, phase, task);
    } else {
      add_images(work, task - work.split.cells);
    }
  }
}

}  // namespace

extern const Kernel<NormGradientShape> norm_gradient_group;
const Kernel<NormGradientShape> norm_gradient_group = {"group", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
