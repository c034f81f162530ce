// Channels of blocked maps put in another order: slices, concatenations that are not aligned,
// channel shuffle, pixel shuffle and its inverse.
//
// A block of y takes its lanes from some vectors of x; each is permuted, masked and joined:
//
//   y  | a6 a7 b0 b1 b2 b3 b4 b5 |   =   permute(a) & mask  |  permute(b) & mask'
//
// Two of them serve a shifted copy, `groups` a channel shuffle, r * r (each from another pixel) an
// unshuffle. A shuffle by r is r * r such copies, each to the pixels (h r + i, w r + j). A task is
// 8192 numbers or one row of one block of y.
#include "copy/shape.hpp"
#include "kernels/lanes.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

bool fits(const CopyShape& s) {
  return s.mode == CopyMode::channels || s.mode == CopyMode::shuffle ||
         s.mode == CopyMode::unshuffle;
}

// Rows and columns that are gone through: of the map with fewer pixels.
int64_t grid_rows(const CopyShape& s) {
  return s.mode == CopyMode::shuffle ? s.in[0] * s.in[1] : s.out[0] * s.out[1];
}

int64_t grid_columns(const CopyShape& s) {
  return s.mode == CopyMode::shuffle ? s.in[2] : s.out[2];
}

int64_t rows_of_task(const CopyShape& s) {
  return most(1, kTask / (grid_columns(s) * kLanes));
}

int64_t first_block(const CopyShape& s) {
  return s.y_first / kLanes;
}

int64_t block_count(const CopyShape& s) {
  return ceil_div(s.y_first + s.count, kLanes) - first_block(s);
}

int64_t parts(const CopyShape& s) {
  return s.mode == CopyMode::shuffle ? s.factor * s.factor : 1;
}

Needs needs(const CopyShape& s, int) {
  Needs needs;
  needs.tasks[0] = s.batch * block_count(s) * parts(s) * ceil_div(grid_rows(s), rows_of_task(s));
  return needs;
}

// Where lane values come from: a vector of x, `offset` floats behind the one of the first pixel.
struct Source {
  int64_t offset;
  IntVector lanes, mask;
};

struct Recipe {
  Source sources[kLanes];
  int count = 0;
  IntVector keep;  // lanes of y that stay
};

// Channel and pixel (of a r x r square) of x for channel c of y, in part `part` of a shuffle.
void find_source(const CopyShape& s, int64_t c, int64_t part, int64_t* channel, int64_t* pixel) {
  const int64_t square = s.factor * s.factor;
  *pixel = 0;
  if (s.mode == CopyMode::channels) {
    const int64_t dealt = c % s.groups * (s.count / s.groups) + c / s.groups;
    *channel = s.x_first + s.x_step * dealt;
  } else if (s.mode == CopyMode::shuffle) {
    *channel = s.blocks_first ? part * s.y_channels + c : c * square + part;
  } else {
    const int64_t place = s.blocks_first ? c / s.x_channels : c % square;
    *channel = s.blocks_first ? c % s.x_channels : c / square;
    *pixel = place / s.factor * s.in[2] + place % s.factor;
  }
}

Recipe recipe_of(const CopyShape& s, int64_t block, int64_t part) {
  Recipe recipe;
  const int64_t stop = s.y_first + s.count;
  for (int lane = 0; lane < kLanes; ++lane) {
    const int64_t at = block * kLanes + lane;
    recipe.keep[lane] = at < s.y_first || (at >= stop && at < s.y_channels) ? -1 : 0;
    if (stop < s.y_channels && at >= stop) recipe.keep[lane] = -1;
    if (at < s.y_first || at >= stop) continue;
    int64_t channel, pixel;
    find_source(s, at - s.y_first, part, &channel, &pixel);
    const int64_t offset = (channel / kLanes * s.in_pixels() + pixel) * kLanes;
    int i = 0;
    while (i < recipe.count && recipe.sources[i].offset != offset) ++i;
    if (i == recipe.count) recipe.sources[recipe.count++] = {offset, IntVector{}, IntVector{}};
    recipe.sources[i].lanes[lane] = static_cast<int32_t>(channel % kLanes);
    recipe.sources[i].mask[lane] = -1;
  }
  return recipe;
}

void copy_row(const Recipe& recipe, const float* x, int64_t x_step, float* y, int64_t y_step,
              int64_t count) {
  for (int64_t p = 0; p < count; ++p) {
    IntVector v = recipe.keep & (IntVector)load(y + p * y_step);
    for (int i = 0; i < recipe.count; ++i) {
      const Source& source = recipe.sources[i];
      const Vector from = load(x + p * x_step + source.offset);
      v |= source.mask & (IntVector)__builtin_shuffle(from, source.lanes);
    }
    store(y + p * y_step, (Vector)v);
  }
}

void run(const CopyShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const int64_t rows = rows_of_task(s), all = grid_rows(s), columns = grid_columns(s);
  const int64_t tasks = ceil_div(all, rows), blocks = block_count(s);
  const int64_t x_pixel = s.mode == CopyMode::unshuffle ? s.factor : 1;  // steps on the grid
  const int64_t y_pixel = s.mode == CopyMode::shuffle ? s.factor : 1;
  for (int64_t task = first; task < stop; ++task) {
    const int64_t from = task % tasks * rows, part = task / tasks % parts(s);
    const int64_t block = first_block(s) + task / tasks / parts(s) % blocks;
    const int64_t n = task / tasks / parts(s) / blocks;
    const Recipe recipe = recipe_of(s, block, part);
    const float* x = buffers.in[0] + n * s.x_batch_stride;
    float* y = buffers.out[0] + n * s.y_batch_stride + block * s.out_pixels() * kLanes;
    for (int64_t row = from; row < least(all, from + rows); ++row) {
      const int64_t y_row = row * y_pixel + part / s.factor, y_column = part % s.factor;
      copy_row(recipe, x + row * x_pixel * s.in[2] * kLanes, x_pixel * kLanes,
               y + (y_row * s.out[2] + y_column) * kLanes, y_pixel * kLanes, columns);
    }
  }
}

}  // namespace

extern const Kernel<CopyShape> copy_channels;
const Kernel<CopyShape> copy_channels = {"channels", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
