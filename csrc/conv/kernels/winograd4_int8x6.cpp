// Winograd's F(4,3) in the plane (winograd.hpp), whose products are multiplied by AMX: tiles of
// digits, six products for one of float32 (kernels/digits.hpp).
//
// V and Q are what they are in float32. Of each product, V's tiles become cells, some at a time;
// the numbers of a tile share a unit, those of an output's transformed filters another:
//
//   cells   [cell][tile], units of the tiles behind them
//   packed  product 0: panel 0 | panel 1 | ... | product 1: ..      panels: int8x6_panel.hpp
//
// Without AMX, cells are V's numbers, and the panels' digits are joined again.
#include "conv/kernels/winograd.hpp"
#include "kernels/digit_products.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int kOutputs = 4, kTaps = 3, kEdge = kOutputs + kTaps - 1, kProducts = kEdge * kEdge;
constexpr int64_t kRows = 256;  // tiles that are split at a time

bool fits(const ConvShape& s) {
  return kLanes == 16 && winograd_fits(s, kTaps) && line_axis(s, kTaps) < 0 && s.kernel[0] == 1 &&
         s.in_channels <= kMostProducts;
}

// As in float32, but for blocks of whole tiles of AMX, and tasks of a phase that split V once.
WinogradPlan plan_of(const ConvShape& s) {
  WinogradPlan w = winograd_plan<kOutputs, kTaps>(s);
  if (w.phased) {
    w.pair_groups = 1;
    w.product_tasks = w.products;
    return w;
  }
  constexpr int64_t kGroup = 2 * kTileRows, kMostGroups = kWinogradMaxTiles / kGroup;
  if (kMostGroups == 0) return w;  // small blocks, without AMX
  w.tile_blocks = ceil_div(w.tiles, least(kMostGroups, ceil_div(w.block_tiles, kGroup)) * kGroup);
  w.block_tiles = ceil_div(w.tiles, w.tile_blocks);
  w.v_stride = odd_lines(w.in_blocks * w.block_tiles * kLanes);
  w.q_stride = odd_lines(w.out_blocks * w.block_tiles * kLanes);
  return w;
}

int64_t cells_of(const WinogradPlan& w) {
  return ceil_div(w.in_blocks, kCellBlocks);
}

// Where a thread's scratch has the cells of some tiles, their units, sums, and a joined panel.
struct Scratch {
  int64_t rows, cells, units, sums, joined, end;
};

Scratch scratch_of(const WinogradPlan& w) {
  Scratch at;
  at.rows = least(kRows, ceil_div(w.block_tiles, 2 * kTileRows) * 2 * kTileRows);
  at.cells = w.phased ? 0 : w.products * (w.v_stride + w.q_stride);
  at.units = at.cells + cells_of(w) * at.rows * kCellWords;
  at.sums = at.units + at.rows;
  at.joined = at.sums + 4 * kTileWords;
  at.end = at.joined + cells_of(w) * kCellChannels * 2 * kLanes;
  return at;
}

Needs needs(const ConvShape& s, int) {
  const WinogradPlan w = plan_of(s);
  Needs needs = winograd_needs(w);
  needs.weight_floats = w.products * w.out_pairs * panel_floats(cells_of(w));
  needs.thread_floats = scratch_of(w).end;
  const int64_t rows =
      w.phased ? ceil_div(w.tiles, kTileRows) : w.tile_blocks * ceil_div(w.block_tiles, kTileRows);
  needs.tile_products = 6 * w.products * rows * w.out_blocks * cells_of(w);
  needs.cells = w.products * w.tiles * cells_of(w);
  return needs;
}

// Transformed windows of four channels of a row of a cell's tiles, for a pair of vectors:
// u[channel][product][output].
typedef float Windows[kCellBlocks][kProducts][2 * kLanes];

// Hand on all of a pair's, row by row.
template <typename Act>
void transform_pair(const ConvShape& s, const WinogradPlan& w, const Filters& f, int64_t pair,
                    Act&& act) {
  alignas(64) float side[kTaps * kTaps][2 * kLanes];
  alignas(64) Windows u;
  Cells cells = {};
  cells.output = f.output;
  cells.to = side[0];
  cells.to_step = 2 * kLanes;
  cells.vectors = least(2, w.out_blocks - 2 * pair);
  cells.stop = s.out_channels - 2 * pair * kLanes;
  for (int64_t row = 0; row < cells_of(w) * kTileRows; ++row) {
    const int64_t first = row / kTileRows * kCellChannels + row % kTileRows;
    for (int64_t i = 0; i < kCellBlocks; ++i) {
      const int64_t channel = first + i * kTileRows;
      if (channel >= s.in_channels) {
        for (auto& product : u[i]) {
          store(product, Vector{});
          store(product + kLanes, Vector{});
        }
        continue;
      }
      cells.from = f.first + 2 * pair * kLanes * f.output + channel * f.channel;
      pack_taps(s, f, cells);
      for (int64_t lane = 0; lane < cells.vectors * kLanes; lane += kDoubles) {
        transform_weights<kOutputs, kTaps, true>(&side[0][lane], &u[i][0][lane], 2 * kLanes);
      }
    }
    act(row, u);
  }
}

void pack_pair_digits(const ConvShape& s, const WinogradPlan& w, const Filters& f, int64_t pair,
                      float* packed) {
  const int64_t vectors = least(2, w.out_blocks - 2 * pair);
  const int64_t product_floats = w.out_pairs * panel_floats(cells_of(w));
  const int64_t used = cells_of(w) * kDigits * vectors * kTileWords;
  float* const panel = packed + pair * panel_floats(cells_of(w));
  IntVector peak[kProducts][2] = {};
  transform_pair(s, w, f, pair, [&](int64_t, const Windows& u) {
    for (int64_t i = 0; i < kCellBlocks * kProducts * vectors; ++i) {
      const int64_t product = i / vectors % kProducts, v = i % vectors;
      const Vector x = load(u[i / vectors / kProducts][product] + v * kLanes);
      peak[product][v] = larger(peak[product][v], absolute_bits(x));
    }
  });
  Vector each[kProducts][2];
  for (int64_t product = 0; product < kProducts; ++product) {
    float* const units = panel + product * product_floats + used;
    for (int64_t v = 0; v < vectors; ++v) {
      const Vector unit = unit_of((Vector)peak[product][v]);
      each[product][v] = per_unit(unit);
      store(units + v * kLanes, unit);
    }
    float* const behind = panel + product * product_floats;
    for (int64_t i = used + vectors * kLanes; i < panel_floats(cells_of(w)); ++i) behind[i] = 0;
  }
  transform_pair(s, w, f, pair, [&](int64_t row, const Windows& u) {
    const int64_t place =
        row / kTileRows * kDigits * vectors * kTileWords + row % kTileRows * kLanes;
    for (int64_t i = 0; i < kProducts * vectors; ++i) {
      const int64_t product = i / vectors, v = i % vectors;
      Vector x[kCellBlocks];
      for (int k = 0; k < kCellBlocks; ++k) {
        x[k] = load(u[k][product] + v * kLanes) * each[product][v];
      }
      float* const to = panel + product * product_floats + place + v * kTileWords;
      store_digits(x, to, vectors * kTileWords);
    }
  });
}

void pack(const ConvShape& s, const Filters& f, float* packed, int64_t first, int64_t stop) {
  const WinogradPlan w = plan_of(s);
  for (int64_t pair = first; pair < stop; ++pair) pack_pair_digits(s, w, f, pair, packed);
}

alignas(64) constexpr float kZeros[kLanes] = {};

// Rows of cells: tiles `first` on of a product's V.
struct Rows {
  const float* v;
  int64_t v_block, count;  // floats from block to block of V
  int64_t blocks, rest;    // of channels; lanes used of the last one
  float *cells, *units;
  int64_t layer_floats;
};

void copy_rows(const Rows& r) {
  for (int64_t i = 0; i < r.count; ++i) {
    r.units[i] = 1.0f;
    for (int64_t block = 0; block < ceil_div(r.blocks, kCellBlocks) * kCellBlocks; ++block) {
      const float* const from = block < r.blocks ? r.v + block * r.v_block + i * kLanes : kZeros;
      float* const cell = r.cells + block / kCellBlocks * r.layer_floats + i * kCellWords;
      const bool last = block == r.blocks - 1;
      store(cell + block % kCellBlocks * kLanes,
            masked(first_lanes(last ? r.rest : kLanes), load(from)));
    }
  }
}

void split_rows(const Rows& r) {
  const IntVector last = first_lanes(r.rest);
  for (int64_t i = 0; i < r.count; ++i) {
    const float* const v = r.v + i * kLanes;
    const auto block = [&](int64_t k) STRIATE_LAMBDA {
      if (k >= r.blocks) return Vector{};
      const Vector x = load(v + k * r.v_block);
      return k == r.blocks - 1 ? masked(last, x) : x;
    };
    IntVector peak = {};
    for (int64_t k = 0; k < r.blocks; ++k) peak = larger(peak, absolute_bits(block(k)));
    r.units[i] = unit_of(largest_lane(peak));
    const Vector each = broadcast(per_unit(r.units[i]));
    float* cell = r.cells + i * kCellWords;
    for (int64_t k = 0; k < r.blocks; k += kCellBlocks, cell += r.layer_floats) {
      const Vector x[kCellBlocks] = {block(k) * each, block(k + 1) * each, block(k + 2) * each,
                                     block(k + 3) * each};
      store_digits(x, cell, kDigitWords);
    }
  }
}

constexpr Arithmetic<Rows> kVectors = by_vectors(copy_rows), kTiles = by_tiles(split_rows);

template <const Arithmetic<Rows>& kBy>
struct DigitProducts {
  static constexpr bool kSeveral = false;

  // Of all tiles: the plan is not trimmed.
  static void multiply(const ConvShape&, const WinogradPlan& w, const Buffers& b,
                       const WinogradScratch& c, int64_t product, WinogradRange,
                       WinogradRange pairs) {
    static constexpr int64_t kNoTap = 0;
    const Scratch at = scratch_of(w);
    Rows r;
    r.v_block = c.tiles * kLanes;
    r.blocks = w.in_blocks;
    r.rest = w.in_rest == 0 ? kLanes : w.in_rest;
    r.cells = b.scratch + at.cells;
    r.units = b.scratch + at.units;
    r.layer_floats = at.rows * kCellWords;
    DigitProduct t = {};
    t.layers = cells_of(w);
    t.layer_floats = r.layer_floats;
    t.tap = &kNoTap;
    t.taps = 1;
    for (int64_t first = 0; first < c.tiles; first += at.rows) {
      r.v = c.v + product * w.v_stride + first * kLanes;
      r.count = least(at.rows, c.tiles - first);
      kBy.make(r);
      for (int64_t pair = pairs.first; pair < pairs.stop; ++pair) {
        const int64_t vectors = least(2, w.out_blocks - 2 * pair);
        const float* const panel =
            b.weight[0] + (product * w.out_pairs + pair) * panel_floats(cells_of(w));
        t.w = kBy.digits ? panel : b.scratch + at.joined;
        if (!kBy.digits) join_panel(t.layers, vectors, panel, b.scratch + at.joined);
        float* const q = c.q + product * w.q_stride + (2 * pair * c.tiles + first) * kLanes;
        multiply_rows(r, t, panel + panel_floats(cells_of(w)), vectors, c.tiles * kLanes,
                      b.scratch + at.sums, q);
      }
    }
  }

  // Q of a panel; `next` is the panel behind it.
  static void multiply_rows(const Rows& r, DigitProduct& t, const float* next, int64_t vectors,
                            int64_t q_block, float* sums, float* q) {
    constexpr int64_t kGroup = 2 * kTileRows;
    for (int64_t row = 0; row < r.count; row += kGroup) {
      const int64_t count = least(kGroup, r.count - row);
      t.cells = r.cells + row * kCellWords;
      fetch_part(t, next, row / kGroup, ceil_div(r.count, kGroup));
      kBy.multiply[count > kTileRows][vectors - 1](t, sums);
      for (int64_t v = 0; v < vectors; ++v) {
        for (int64_t i = 0; i < count; ++i) {
          const Vector sum = load(sums + sums_place(i, v, vectors));
          store(q + v * q_block + (row + i) * kLanes, sum * broadcast(r.units[row + i]));
        }
      }
    }
  }
};

void run(const ConvShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const WinogradPlan w = plan_of(s);
  if (!begin_tiles()) {
    return run_winograd<kOutputs, kTaps, true, DigitProducts<kVectors>>(s, w, b, phase, first,
                                                                        stop);
  }
  run_winograd<kOutputs, kTaps, true, DigitProducts<kTiles>>(s, w, b, phase, first, stop);
  end_tiles();
}

}  // namespace

extern const Kernel<ConvShape> conv_winograd4_int8x6;
const Kernel<ConvShape> conv_winograd4_int8x6 = {"winograd4_int8x6", fits, needs, pack, run};

}  // namespace striate::STRIATE_TARGET
