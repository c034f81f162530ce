// Depthwise, any filter, 1D to 3D: lanes are channels, and the sums of up to 12 taps stay in
// registers over the rows of a band.
//
//   sum[tap row][tap][lane] += gy[place][lane] * x[place * stride + tap * dilation][lane]
//
// Where stride and dilation are 1, two places at a time share the loads of x: 3x3 then takes 7
// loads for 9 multiply-adds instead of 10. Tap rows outside the map are read from a row of zeros. A
// row is cut into pieces in which the taps that lie inside are the same: of 3x3, its first and last
// place, and what is between them. Of large maps, the same rows of the next block of channels, or
// of the next band, are fetched meanwhile: a block of a small map is too short for the processor to
// do so by itself.
//
// Groups of four channels are the same with four weights a tap, each meeting one channel of the
// group in all the group's lanes.
#include "conv/kernels/groups.hpp"
#include "conv_weight/kernels/bands.hpp"
#include "conv_weight/kernels/chunks.hpp"
#include "kernels/fetch.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int kSums = 12, kMostTaps = 7, kMostRows = 6;  // of 16 registers; taps, rows of taps
constexpr int64_t kFarFloats = 1 << 19;                  // of both maps: beyond two threads' L2

struct Strip {
  const float *x, *zeros;
  const float* gy;
  const int64_t *x_rows, *gy_rows;  // of each row: floats to x of each tap row, < 0: zeros; to gy
  int64_t rows, tap_rows;           // tap_rows: numbers of x_rows a row
  int64_t first, places;            // floats from the start of a row of x; of gy below
  int64_t gy_first;
  int64_t x_step, tap_step;   // floats of x from place to place, from tap to tap
  int64_t x_ahead, gy_ahead;  // floats to the same rows of what is next; 0: nothing is fetched
  int64_t x_rows_ahead, x_lines_ahead;  // rows of x to fetch with one of gy, and lines of each
  float* sum;
  int64_t sum_row, sum_channel;  // floats from tap row to tap row, from channel to channel
};

template <int G, int J = 0>
STRIATE_INLINE void add_channels(Vector* sum, Vector x, Vector g) {
  multiply_add(sum[J], spread<G, J>(x), g);
  if constexpr (J + 1 < G) add_channels<G, J + 1>(sum, x, g);
}

// From the middle tap row on: each row of x once, where windows overlap.
template <int TH>
STRIATE_INLINE void fetch_rows(const Strip& t, const int64_t* x_row, const float* const* x,
                               const float* gy) {
  for (int64_t i = 0; i < t.places; ++i) fetch_line(gy + t.gy_ahead + i * kLanes);
  STRIATE_UNROLL
  for (int h = TH / 2; h < TH; ++h) {
    if (h - TH / 2 >= t.x_rows_ahead || x_row[h] < 0) continue;
    for (int64_t i = 0; i < t.x_lines_ahead; ++i) fetch_line(x[h] + t.x_ahead + i * kLanes);
  }
}

// kUnit: stride and dilation are 1.
template <int G, int TH, int TW, bool kUnit>
static void strip(const Strip& t) {
  Vector sum[TH][TW][G];
  STRIATE_UNROLL
  for (int h = 0; h < TH; ++h) {
    STRIATE_UNROLL
    for (int w = 0; w < TW * G; ++w) sum[h][w / G][w % G] = Vector{};
  }
  const int64_t step = kUnit ? kLanes : t.x_step, tap = kUnit ? kLanes : t.tap_step;
  const int64_t* x_row = t.x_rows;
  for (int64_t row = 0; row < t.rows; ++row, x_row += t.tap_rows) {
    const float* x[TH];
    STRIATE_UNROLL
    for (int h = 0; h < TH; ++h) x[h] = (x_row[h] < 0 ? t.zeros : t.x + x_row[h]) + t.first;
    const float* gy = t.gy + t.gy_rows[row] + t.gy_first;
    if (t.gy_ahead != 0) fetch_rows<TH>(t, x_row, x, gy);
    int64_t at = 0, p = t.places;
    if constexpr (kUnit) {
      _Pragma("GCC unroll 1") for (; p >= 2; p -= 2, at += 2 * kLanes) {
        asm volatile("" ::: "memory");
        const Vector g0 = load(gy + at), g1 = load(gy + at + kLanes);
        STRIATE_UNROLL
        for (int h = 0; h < TH; ++h) {
          STRIATE_UNROLL
          for (int w = 0; w <= TW; ++w) {
            const Vector v = load(x[h] + at + w * kLanes);
            if (w < TW) add_channels<G>(sum[h][w < TW ? w : 0], v, g0);
            if (w > 0) add_channels<G>(sum[h][w > 0 ? w - 1 : 0], v, g1);
          }
        }
      }
      gy += at;
    }
    _Pragma("GCC unroll 1") for (; p > 0; --p, at += step, gy += kLanes) {
      asm volatile("" ::: "memory");
      const Vector g = load(gy);
      STRIATE_UNROLL
      for (int h = 0; h < TH; ++h) {
        STRIATE_UNROLL
        for (int w = 0; w < TW; ++w) add_channels<G>(sum[h][w], load(x[h] + at + w * tap), g);
      }
    }
  }
  STRIATE_UNROLL
  for (int h = 0; h < TH; ++h) {
    STRIATE_UNROLL
    for (int w = 0; w < TW; ++w) {
      STRIATE_UNROLL
      for (int j = 0; j < G; ++j) {
        float* to = t.sum + h * t.sum_row + w * kLanes + j * t.sum_channel;
        store(to, load(to) + sum[h][w][j]);
      }
    }
  }
}

typedef void (*StripFunction)(const Strip&);

constexpr int most_rows(int group, int taps) {
  const int rows = kSums / (group * taps);
  return rows < kMostRows ? rows : kMostRows;
}

constexpr int most_taps(int group) {
  return kSums / group < kMostTaps ? kSums / group : kMostTaps;
}

struct StripTable {
  StripFunction of[2][kMostRows][kMostTaps] = {};  // [unit][tap rows - 1][taps - 1]
};

template <int G, int TW, int TH>
constexpr void fill(StripTable& table) {
  table.of[0][TH - 1][TW - 1] = strip<G, TH, TW, false>;
  table.of[1][TH - 1][TW - 1] = strip<G, TH, TW, true>;
  if constexpr (TH > 1) {
    fill<G, TW, TH - 1>(table);
  } else if constexpr (TW > 1) {
    fill<G, TW - 1, most_rows(G, TW - 1)>(table);
  }
}

template <int G>
constexpr StripTable strips() {
  StripTable table;
  fill<G, most_taps(G), most_rows(G, most_taps(G))>(table);
  return table;
}

constexpr StripTable kStrips = strips<1>(), kGroupStrips = strips<4>();

// Places of a row at which taps first_tap .. stop_tap-1 lie inside the map.
struct Piece {
  int64_t first, stop, first_tap, stop_tap;
};

struct Plan {
  int64_t group, blocks, tap_rows, taps;
  int64_t block_ranges, chunks;
  Bands bands;
  int64_t rows;                                   // of the largest band
  int64_t block_floats;                           // sums, and those of gy behind them
  int64_t zero_floats, piece_floats, row_floats;  // of a thread's scratch
};

Plan plan(const ConvWeightShape& s) {
  Plan p;
  p.group = s.in_channels / s.groups;
  p.blocks = ceil_div(s.out_channels, kLanes);
  p.tap_rows = s.kernel[0] * s.kernel[1];
  p.taps = s.taps();
  p.bands = cut_bands(s, s.out[0]);
  p.block_ranges = least(p.blocks, kTasks);
  p.chunks = chunks_of(p.bands.count(), p.block_ranges);
  p.rows =
      ceil_div(s.batch, p.bands.image_parts) * ceil_div(s.out[0] * s.out[1], p.bands.row_parts);
  p.block_floats = (p.group * p.taps + (s.bias ? 1 : 0)) * kLanes;
  p.zero_floats = ceil_div(s.in[2] * kLanes, 16) * 16;
  p.piece_floats = ceil_div(2 * 4 * least(s.out[2], 2 * s.kernel[2] + 1), 16) * 16;
  p.row_floats = ceil_div(2 * p.rows * (p.tap_rows + 1), 16) * 16;
  return p;
}

bool fits(const ConvWeightShape& s) {
  return s.groups == s.in_channels && s.out_channels == s.in_channels && !s.plain_input && !s.norm;
}

bool fits_groups(const ConvWeightShape& s) {
  return s.groups > 1 && s.in_channels == 4 * s.groups && s.out_channels == s.in_channels &&
         !s.plain_input && !s.norm;
}

Needs needs(const ConvWeightShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.shared_floats = p.chunks * p.blocks * p.block_floats;
  needs.thread_floats = p.zero_floats + p.piece_floats + p.row_floats;
  needs.phases = 2;
  needs.tasks[0] = p.block_ranges * p.chunks;
  needs.tasks[1] = p.blocks;
  return needs;
}

int64_t list_pieces(const ConvWeightShape& s, Piece* pieces) {
  const int64_t stride = s.stride[2], dilation = s.dilation[2], last = s.in[2] - 1;
  int64_t count = 0;
  for (int64_t at = 0; at < s.out[2];) {
    const int64_t from = at * stride - s.padding[2];
    const auto place_of = [&](int64_t pixel) STRIATE_LAMBDA {  // the first whose tap 0 is there
      return ceil_div(most(0, pixel + s.padding[2]), stride);
    };
    Piece piece = {at, s.out[2], 0, 0};
    piece.first_tap = from < 0 ? least(s.kernel[2], ceil_div(-from, dilation)) : 0;
    if (from <= last) piece.stop_tap = least(s.kernel[2], (last - from) / dilation + 1);
    if (piece.first_tap > 0) {
      piece.stop = least(piece.stop, place_of(-(piece.first_tap - 1) * dilation));
    }
    if (piece.stop_tap > 0) {
      piece.stop = least(piece.stop, place_of(last - (piece.stop_tap - 1) * dilation + 1));
    }
    at = piece.stop;
    if (piece.first_tap < piece.stop_tap) pieces[count++] = piece;
  }
  return count;
}

// Where each row of a band has its gy and what its tap rows read.
int64_t list_rows(const ConvWeightShape& s, const Band& band, int64_t* x_rows, int64_t* gy_rows) {
  int64_t count = 0;
  for (int64_t n = band.first_image; n < band.stop_image; ++n) {
    for (int64_t r = band.first_row; r < band.stop_row; ++r) {
      gy_rows[count++] = n * s.y_batch_stride + r * s.out[2] * kLanes;
      for (int64_t u = 0; u < s.kernel[0]; ++u) {
        const int64_t z = r / s.out[1] * s.stride[0] - s.padding[0] + u * s.dilation[0];
        for (int64_t v = 0; v < s.kernel[1]; ++v) {
          const int64_t y = r % s.out[1] * s.stride[1] - s.padding[1] + v * s.dilation[1];
          const bool inside = z >= 0 && z < s.in[0] && y >= 0 && y < s.in[1];
          *x_rows++ = inside ? n * s.x_batch_stride + (z * s.in[1] + y) * s.in[2] * kLanes : -1;
        }
      }
    }
  }
  return count;
}

// All taps of a piece.
void add_piece(const ConvWeightShape& s, const Plan& p, const Piece& piece, Strip t, float* sums) {
  const bool unit = s.stride[2] == 1 && s.dilation[2] == 1;
  const StripTable& table = p.group == 1 ? kStrips : kGroupStrips;
  const int64_t taps = piece.stop_tap - piece.first_tap;
  const int64_t parts = ceil_div(taps, most_taps(static_cast<int>(p.group)));
  const int64_t from = piece.first * s.stride[2] - s.padding[2];
  const int64_t* const x_rows = t.x_rows;
  t.places = piece.stop - piece.first;
  t.gy_first = piece.first * kLanes;
  t.x_lines_ahead = taps == s.kernel[2] ? (t.places - 1) * s.stride[2] + taps : 0;
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t tap = piece.first_tap + cut(taps, parts, part);
    const int64_t count = piece.first_tap + cut(taps, parts, part + 1) - tap;
    t.first = (from + tap * s.dilation[2]) * kLanes;
    const int64_t row_parts =
        ceil_div(p.tap_rows, most_rows(static_cast<int>(p.group), static_cast<int>(count)));
    for (int64_t i = 0; i < row_parts; ++i) {
      const int64_t row = cut(p.tap_rows, row_parts, i);
      t.x_rows = x_rows + row;
      t.sum = sums + (row * s.kernel[2] + tap) * kLanes;
      table.of[unit][cut(p.tap_rows, row_parts, i + 1) - row - 1][count - 1](t);
      t.gy_ahead = 0;
    }
  }
}

void add_bias(const Strip& t, const Band& band, float* sums) {
  for (int64_t row = 0; row < t.rows; ++row) {
    const TileRow only = {0, t.gy_rows[row] + band.first_column * kLanes};
    Tile places = {};
    places.gy = t.gy;
    places.rows = &only;
    places.row_count = 1;
    places.places = band.stop_column - band.first_column;
    sum_places(places, 1, sums);
  }
}

// How far from a band's block lies one of another band, `blocks` blocks on.
void look_ahead(const ConvWeightShape& s, const Band& band, const Band& next, int64_t blocks,
                Strip& t) {
  const int64_t images = next.first_image - band.first_image;
  const int64_t rows = next.first_row - band.first_row;
  t.x_ahead = blocks * s.in_pixels() * kLanes + images * s.x_batch_stride +
              rows * s.stride[1] * s.in[2] * kLanes;
  t.gy_ahead =
      blocks * s.out_pixels() * kLanes + images * s.y_batch_stride + rows * s.out[2] * kLanes;
}

void compute(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t task) {
  const int64_t range = task % p.block_ranges, chunk = task / p.block_ranges;
  const int64_t first_block = cut(p.blocks, p.block_ranges, range);
  const int64_t stop_block = cut(p.blocks, p.block_ranges, range + 1);
  float* const partial = b.shared + chunk * p.blocks * p.block_floats;
  clear(partial + first_block * p.block_floats, (stop_block - first_block) * p.block_floats);
  clear(b.scratch, p.zero_floats);
  Piece* const pieces = reinterpret_cast<Piece*>(b.scratch + p.zero_floats);
  const int64_t piece_count = list_pieces(s, pieces);
  int64_t* const gy_rows = reinterpret_cast<int64_t*>(b.scratch + p.zero_floats + p.piece_floats);
  int64_t* const x_rows = gy_rows + p.rows;
  Strip t = {};
  t.zeros = b.scratch;
  t.x_rows = x_rows;
  t.gy_rows = gy_rows;
  t.tap_rows = p.tap_rows;
  t.x_rows_ahead = s.stride[1];
  t.x_step = s.stride[2] * kLanes;
  t.tap_step = s.dilation[2] * kLanes;
  t.sum_row = s.kernel[2] * kLanes;
  t.sum_channel = p.taps * kLanes;
  const bool far = s.batch * (s.x_batch_stride + s.y_batch_stride) > kFarFloats;
  const int64_t count = p.bands.count(), stop = cut(count, p.chunks, chunk + 1);
  for (int64_t i = cut(count, p.chunks, chunk); i < stop; ++i) {
    const Band band = band_of(s, p.bands, s.out[0], i);
    const Band next = band_of(s, p.bands, s.out[0], i + 1 < stop ? i + 1 : i);
    t.rows = list_rows(s, band, x_rows, gy_rows);
    for (int64_t block = first_block; block < stop_block; ++block) {
      float* const sums = partial + block * p.block_floats;
      t.x = b.in[0] + block * s.in_pixels() * kLanes;
      t.gy = b.in[1] + block * s.out_pixels() * kLanes;
      const bool last = block + 1 == stop_block;
      if (far) look_ahead(s, band, last ? next : band, last ? first_block - block : 1, t);
      for (int64_t j = 0; j < piece_count; ++j) {
        Piece piece = pieces[j];
        piece.first = most(piece.first, band.first_column);
        piece.stop = least(piece.stop, band.stop_column);
        if (piece.first < piece.stop) add_piece(s, p, piece, t, sums);
      }
      if (s.bias) add_bias(t, band, sums + p.group * p.taps * kLanes);
    }
  }
}

// Write one block's weights in the plain layout.
void finish(const ConvWeightShape& s, const Plan& p, const Buffers& b, int64_t block) {
  float* const sums = b.shared + block * p.block_floats;
  add_chunks(sums, p.block_floats, p.chunks, p.blocks * p.block_floats);
  const int64_t weights = p.group * p.taps, used = used_lanes(s.out_channels, block);
  turn(sums, kLanes, weights, 0, used, b.out[0] + block * kLanes * weights, weights);
  if (!s.bias) return;
  for (int64_t i = 0; i < used; ++i) b.out[1][block * kLanes + i] = sums[weights * kLanes + i];
}

void run(const ConvWeightShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  for (int64_t task = first; task < stop; ++task) {
    (phase == 0 ? compute : finish)(s, p, b, task);
  }
}

}  // namespace

extern const Kernel<ConvWeightShape> conv_weight_depthwise;
const Kernel<ConvWeightShape> conv_weight_depthwise = {"depthwise", fits, needs, nullptr, run};
extern const Kernel<ConvWeightShape> conv_weight_groups_of_4;
const Kernel<ConvWeightShape> conv_weight_groups_of_4 = {"groups_of_4", fits_groups, needs, nullptr,
                                                         run};

}  // namespace striate::STRIATE_TARGET
