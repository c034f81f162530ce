// Maps of one layout, as rows of numbers that have the same partner.
//
//   second            a row is                          beside it
//   none, number      an image                          one number
//   same              an image                          an image
//   channel, image_   one block (plain: one channel)    one block (plain: one number)
//   channel           of an image
//   pixel             the same                          the image's one channel
//
// Maps of one pixel have an image's channels beside an image's channels. A task is a piece of 32
// KiB of a row, or several rows: what a core reads and writes in about 5 us.
#include "elementwise/kernels/combine.hpp"
#include "elementwise/shape.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192;

struct Rows {
  int64_t unit;    // lanes of a pixel: 1 or L
  int64_t blocks;  // rows of an image
  int64_t floats;  // of a row
  int64_t pieces;  // tasks of a row, where a row is long
  int64_t rows;    // of a task, where a row is short
  Source source;
};

Rows rows_of(const ElementwiseShape& s) {
  Rows r{};
  r.unit = s.plain ? 1 : kLanes;
  const int64_t blocks = ceil_div(s.channels, r.unit);
  const bool flat = s.second != Second::channel && s.second != Second::image_channel;
  const bool whole = s.second == Second::pixel ? false : flat || s.pixels == 1;
  r.blocks = whole ? 1 : blocks;
  r.floats = (whole ? blocks : 1) * s.pixels * r.unit;
  r.pieces = ceil_div(r.floats, kTask);
  r.rows = most(1, kTask / r.floats);
  switch (s.second) {
    case Second::none:
    case Second::number:
      r.source = Source::number;
      break;
    case Second::channel:
    case Second::image_channel:
      r.source = whole ? Source::run : s.plain ? Source::number : Source::block;
      break;
    case Second::pixel:
      r.source = s.plain ? Source::run : Source::cells;
      break;
    default:
      r.source = Source::run;
  }
  return r;
}

// What stands beside number `i` of row `block` of image n.
int64_t partner(const ElementwiseShape& s, const Rows& r, int64_t stride, int64_t n, int64_t block,
                int64_t i) {
  const int64_t channels = ceil_div(s.channels, r.unit) * r.unit;
  const int64_t moved = r.source == Source::run || r.source == Source::cells ? i : 0;
  switch (s.second) {
    case Second::same:
    case Second::pixel:
      return n * stride + moved;
    case Second::channel:
      return block * r.unit + moved;
    case Second::image_channel:
      return n * channels + block * r.unit + moved;
    default:
      return 0;
  }
}

// Lanes behind the channels become 0.
void clear(float* y, int64_t count, int64_t lanes) {
  for (int64_t i = 0; i < count; i += kLanes) {
    for (int64_t lane = lanes; lane < kLanes; ++lane) y[i + lane] = 0;
  }
}

bool fits(const ElementwiseShape& s) {
  return s.axes == 0;
}

Needs needs(const ElementwiseShape& s, int) {
  const Rows r = rows_of(s);
  Needs needs;
  needs.tasks[0] = ceil_div(s.batch * r.blocks, r.rows) * r.pieces;
  return needs;
}

void run_piece(const ElementwiseShape& s, const Rows& r, const Buffers& buffers, int64_t row,
               int64_t first, int64_t count) {
  const int64_t n = row / r.blocks, block = row % r.blocks;
  const int64_t at = block * r.floats + first;
  float* y = buffers.out[0] + n * s.y_batch_stride + at;
  const float *b = buffers.in[1], *c = buffers.in[2];
  if (b == nullptr) b = &s.number;
  b += partner(s, r, s.b_batch_stride, n, block, first);
  if (s.takes_third()) c += partner(s, r, s.c_batch_stride, n, block, first);
  if (s.masks()) c = &s.number;
  combine(s.op, r.source, buffers.in[0] + n * s.x_batch_stride + at, b, c, s.activation, y, count);
  const int64_t lanes = s.channels % r.unit;
  if (lanes == 0) return;
  const int64_t last = s.channels / r.unit * s.pixels * r.unit;  // where the last block begins
  if (at + count > last) {
    const int64_t from = most(0, last - at);
    clear(y + from, count - from, lanes);
  }
}

void run(const ElementwiseShape& s, const Buffers& buffers, int, int64_t first, int64_t stop) {
  const Rows r = rows_of(s);
  for (int64_t task = first; task < stop; ++task) {
    const int64_t row = task / r.pieces * r.rows, at = task % r.pieces * kTask;
    const int64_t last = least(s.batch * r.blocks, row + r.rows);
    for (int64_t i = row; i < last; ++i) {
      run_piece(s, r, buffers, i, at, least(kTask, r.floats - at));
    }
  }
}

}  // namespace

extern const Kernel<ElementwiseShape> elementwise_flat;
const Kernel<ElementwiseShape> elementwise_flat = {"flat", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
