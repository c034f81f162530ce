#include "linear/kernels/weights.hpp"

#include "kernels/cells.hpp"

namespace striate::STRIATE_TARGET {
namespace {

// A panel, from maps: the pixels of a channel lie a block of cells apart.
void pack_maps(const LinearShape& s, const Filters& w, Cells cells) {
  const float* from = cells.from;
  float* const to = cells.to;
  const int64_t cell = cells.to_step;
  cells.count = s.pixels;
  cells.to_step = kLanes * cell;
  for (int64_t channel = 0; channel < s.row / s.pixels; ++channel) {
    cells.from = from + channel * s.pixels * w.channel;
    cells.to = to + (channel / kLanes * kLanes * s.pixels + channel % kLanes) * cell;
    if (channel == s.channels) cells.stop = 0;  // the last block's unused lanes
    pack_cells(cells);
  }
}

}  // namespace

void linear_pack(const LinearShape& s, const Filters& w, float* packed, int64_t first,
                 int64_t stop) {
  const int64_t vectors = linear_vectors(s), floats = vectors * kLanes * s.row;
  for (int64_t panel = first; panel < stop; ++panel) {
    const int64_t output = 2 * panel * kLanes;
    Cells cells = {};
    cells.from = w.first + output * w.output;
    cells.output = w.output;
    cells.count = s.in_features;
    cells.step = w.channel;
    cells.to = packed + output * s.row;
    cells.vectors = panel_vectors(vectors, panel);
    cells.to_step = cells.vectors * kLanes;
    cells.stop = s.out_features - output;
    if (s.channels == 0) {
      pack_cells(cells);
    } else if (s.pixels == 1) {  // in order, too, but for the last block's unused lanes
      pack_cells(cells);
      cells.to += s.in_features * cells.to_step;
      cells.count = s.row - s.in_features;
      cells.stop = 0;
      pack_cells(cells);
    } else {
      pack_maps(s, w, cells);
    }
  }
  if (stop < panels_of(vectors)) return;
  for (int64_t i = floats; i < linear_weight_floats(s); ++i) packed[i] = 0;
}

}  // namespace striate::STRIATE_TARGET
