// Winograd's tiles at the edges of a map: those with fewer outputs do with fewer products.
//
// Their inputs go on so that the products which they leave out are 0 (winograd_lines.hpp). Tiles
// follow one another by kind, and so do those that have a product:
//
//   kind       fewer down | all | fewer across | fewer both ways
//   products   of a row that is left out:         all, fewer across
//              of a column:                       fewer down, all
//              of both:                           all
#pragma once

#include "conv/kernels/winograd_lines.hpp"
#include "conv/kernels/winograd_plan.hpp"

namespace striate::STRIATE_TARGET {

// Whether a tile has fewer outputs, and so fewer products.
STRIATE_INLINE bool short_down(const WinogradPlan& w, const WinogradTile& t) {
  return w.down.trims() && t.out_down < w.down.width;
}

STRIATE_INLINE bool short_across(const WinogradPlan& w, const WinogradTile& t) {
  return w.across.trims() && t.out_across < w.across.width;
}

// Numbers `kept` on of a line of A, `step` floats apart: those that make products 0. The last is
// read at infinity alone.
template <int A>
STRIATE_INLINE void extend_line(float* line, int64_t step, int64_t kept) {
  const float* const times = kRecurrence<A>.of[kept];
  for (int64_t at = kept; at < A - 1; ++at) {
    Vector sum = {};
    for (int64_t i = 0; i < kept; ++i) sum += times[i] * load(line + (at - kept + i) * step);
    store(line + at * step, sum);
  }
}

// The inputs of a tile with fewer outputs.
template <int A, int kColumns>
STRIATE_INLINE void extend_inputs(const WinogradPlan& w, const WinogradTile& t, float* inputs) {
  if (kColumns == A && short_across(w, t)) {
    for (int i = 0; i < A; ++i) {
      extend_line<A>(inputs + i * kColumns * kLanes, kLanes, w.across.kept);
    }
  }
  if (short_down(w, t)) {
    for (int j = 0; j < kColumns; ++j) {
      extend_line<A>(inputs + j * kLanes, kColumns * kLanes, w.down.kept);
    }
  }
}

// Whether tiles with fewer outputs leave row i of their products out, column i.
template <int A>
STRIATE_INLINE bool left_out(const WinogradAxis& axis, int i) {
  return axis.trims() && product_rank<A>(i) >= axis.kept;
}

// Products that a tile leaves out, of Q: 0.
template <int A, int kColumns>
STRIATE_INLINE void clear_products(const WinogradPlan& w, const WinogradTile& t, float* q,
                                   int64_t stride) {
  const bool down = short_down(w, t), across = short_across(w, t);
  for (int i = 0; i < A; ++i) {
    for (int j = 0; j < kColumns; ++j) {
      const bool out = (down && left_out<A>(w.down, i)) || (across && left_out<A>(w.across, j));
      if (out) store(q + (i * kColumns + j) * stride, Vector{});
    }
  }
}

// The tiles that have a product: by whether its row is left out where outputs are fewer down, its
// column where they are fewer across.
struct WinogradOrder {
  WinogradRange with[2][2];
};

constexpr int kTileKinds = 4;

STRIATE_INLINE WinogradOrder order_of(const int64_t (&count)[kTileKinds]) {
  const int64_t down = count[0], whole = down + count[1], across = whole + count[2];
  return {{{{0, across + count[3]}, {0, whole}}, {{down, across}, {down, whole}}}};
}

// Put tiles in order.
static WinogradOrder sort_tiles(const WinogradPlan& w, WinogradTile* tiles, int64_t count) {
  if (!w.trims()) return order_of({0, count, 0, 0});
  const auto kind = [&](const WinogradTile& t) STRIATE_LAMBDA {
    constexpr int kKinds[2][2] = {{1, 2}, {0, 3}};
    return kKinds[short_down(w, t)][short_across(w, t)];
  };
  WinogradTile found[kWinogradMaxTiles];
  int64_t of[kTileKinds] = {};
  for (int64_t i = 0; i < count; ++i) {
    found[i] = tiles[i];
    ++of[kind(tiles[i])];
  }
  int64_t at[kTileKinds] = {0, of[0], of[0] + of[1], of[0] + of[1] + of[2]};
  for (int64_t i = 0; i < count; ++i) tiles[at[kind(found[i])]++] = found[i];
  return order_of(of);
}

// The order of all tiles, from their numbers alone.
STRIATE_INLINE WinogradOrder order_of_all(const WinogradPlan& w) {
  const int64_t maps = w.tiles / (w.down.tiles * w.across.tiles);
  const int64_t short_rows = w.down.trims() * maps, rows = w.down.tiles * maps - short_rows;
  const int64_t short_columns = w.across.trims(), columns = w.across.tiles - short_columns;
  return order_of(
      {short_rows * columns, rows * columns, rows * short_columns, short_rows * short_columns});
}

template <int A, bool kPlane>
STRIATE_INLINE WinogradRange tiles_with(const WinogradPlan& w, const WinogradOrder& order,
                                        int64_t product) {
  const int row = static_cast<int>(kPlane ? product / A : product);
  const int column = static_cast<int>(kPlane ? product % A : 0);
  return order.with[left_out<A>(w.down, row)][kPlane && left_out<A>(w.across, column)];
}

}  // namespace striate::STRIATE_TARGET
