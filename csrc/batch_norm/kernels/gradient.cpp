// Gradients of a batch norm: two passes over gy and x.
//
//   0  a chunk: sums of g and of g * (x - mean), g = (gy + added) * mask; g itself where a
//      residual wants it
//   1  a block of channels: the chunks' sums in float64; gw, gb, and what the last phase multiplies
//   2  the same chunks: gx = g * scale + (x - mean) * b + c; not where another step makes it
//
// Of many channels and few pixels a task does all of this for a block of channels, whose part of
// both maps stays in L2 from phase to phase.
//
// Where the norm's outputs were pooled, g of a piece is spread into scratch first, in both passes.
//
//   shared: cells [chunk][block][sum of g | of g * (x - mean)][L]
//           numbers, where they are not asked for
#include "batch_norm/kernels/chunks.hpp"
#include "batch_norm/kernels/given.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kPiece = 256;            // pixels that are summed up together
constexpr int64_t kLeastBlocks = 12;       // so that several threads share them evenly
constexpr int64_t kBlockFloats = 1 << 17;  // of each map: 512 KiB
constexpr int64_t kCell = 2 * kLanes, kNumbers = kBatchNormNumbers * kLanes;

bool fits(const BatchNormShape& s) {
  return s.mode == BatchNormMode::gradient;
}

bool by_blocks(const BatchNormShape& s, const Chunks& chunks) {
  return chunks.blocks >= kLeastBlocks && s.batch * s.pixels * kLanes <= kBlockFloats;
}

Needs needs(const BatchNormShape& s, int) {
  const Chunks chunks = chunks_of(s);
  Needs needs;
  needs.shared_floats = ceil_div(chunks.tasks() * kCell + chunks.blocks * kNumbers, 16) * 16;
  needs.thread_floats = s.pooled ? kPiece * kLanes : 0;
  if (by_blocks(s, chunks)) {
    needs.tasks[0] = chunks.blocks;
    return needs;
  }
  needs.phases = s.input ? 3 : 2;
  needs.tasks[0] = needs.tasks[2] = chunks.tasks();
  needs.tasks[1] = chunks.blocks;
  return needs;
}

template <Mask kMask, bool kStore>
STRIATE_INLINE void add_pixel(const Run& run, const Channels& c, int64_t at, float* gr, Vector* sum,
                              Vector* product) {
  const Vector g = masked_gradient<kMask>(run, c, at);
  if (kStore) store(gr + at, g);
  *sum += g;
  *product += g * (load(run.x + at) - c.mean);
}

// Four sums of each side by side hide the latency of additions.
template <Mask kMask, bool kStore>
void add_piece(const Run& run, const Channels& c, int64_t first, int64_t pixels, float* gr,
               Vector* sum, Vector* product) {
  Vector sums[4] = {}, products[4] = {};
  int64_t p = first;
  for (; p + 4 <= first + pixels; p += 4) {
    STRIATE_UNROLL
    for (int k = 0; k < 4; ++k) {
      add_pixel<kMask, kStore>(run, c, (p + k) * kLanes, gr, sums + k, products + k);
    }
  }
  for (; p < first + pixels; ++p) {
    add_pixel<kMask, kStore>(run, c, p * kLanes, gr, sums, products);
  }
  *sum += (sums[0] + sums[1]) + (sums[2] + sums[3]);
  *product += (products[0] + products[1]) + (products[2] + products[3]);
}

struct Work {
  const BatchNormShape& s;
  const Buffers& b;

  Channels channels(int64_t block) const {
    return channels_of(s, block, b.in[2], b.in[3], b.in[4], b.in[5]);
  }
  // Of a chunk's pixels in image n.
  Run run(const Chunk& chunk, int64_t n) const {
    const int64_t offset = chunk.offset(s);
    const float* y = s.mask == Mask::output ? b.in[6] + n * s.y_batch_stride + offset : nullptr;
    const float* added = s.added ? b.in[7] + n * s.added_batch_stride + offset : nullptr;
    return {s.pooled ? nullptr : b.in[0] + n * s.gy_batch_stride + offset,
            added,
            b.in[1] + n * s.x_batch_stride + offset,
            y,
            s.low,
            s.high};
  }
  float* residual(const Chunk& chunk, int64_t n) const {
    return b.out[3] + n * s.residual_batch_stride + chunk.offset(s);
  }
  // What gy of pixels p .. p + count - 1 of a run is read from, as if all of the run were there.
  const float* gradient(const Run& run, const Chunk& chunk, int64_t n, int64_t p,
                        int64_t count) const {
    if (!s.pooled) return run.gy;
    spread_given(s, n, chunk.block, chunk.first + p, count, b.in[0], b.in[7], b.scratch);
    return b.scratch - p * kLanes;
  }
};

template <Mask kMask>
void add_chunk(const Work& w, const Chunk& chunk, float* cell) {
  const Channels c = w.channels(chunk.block);
  Vector sum{}, product{};
  for (int64_t n = chunk.n; n < chunk.stop; ++n) {
    Run run = w.run(chunk, n);
    for (int64_t p = 0; p < chunk.pixels; p += kPiece) {
      const int64_t count = least(kPiece, chunk.pixels - p);
      run.gy = w.gradient(run, chunk, n, p, count);
      if (w.s.residual) {
        add_piece<kMask, true>(run, c, p, count, w.residual(chunk, n), &sum, &product);
      } else {
        add_piece<kMask, false>(run, c, p, count, nullptr, &sum, &product);
      }
    }
  }
  store(cell, sum);
  store(cell + kLanes, product);
}

// With M numbers a channel: b = -scale / (variance + eps) * product / M,
// c = -scale * sum / M.
void put_together(const Work& w, const Chunks& chunks, int64_t block, float* numbers) {
  const BatchNormShape& s = w.s;
  const double count = static_cast<double>(s.batch) * static_cast<double>(s.pixels);
  double sum[kLanes] = {}, product[kLanes] = {};
  for (int64_t i = 0; i < chunks.count; ++i) {
    const float* cell = w.b.shared + (i * chunks.blocks + block) * kCell;
    for (int lane = 0; lane < kLanes; ++lane) {
      sum[lane] += cell[lane];
      product[lane] += cell[kLanes + lane];
    }
  }
  const Channels channels = w.channels(block);
  const Vector scale = channels.scale;
  const Vector variance = load_channels(w.b.in[3], s.channels, block);
  Vector gw, gb, b, c;
  for (int lane = 0; lane < kLanes; ++lane) {
    const double spread = static_cast<double>(variance[lane]) + s.eps;
    gw[lane] = static_cast<float>(product[lane] / __builtin_sqrt(spread));
    gb[lane] = static_cast<float>(sum[lane]);
    b[lane] = static_cast<float>(-scale[lane] * product[lane] / (spread * count));
    c[lane] = static_cast<float>(-scale[lane] * sum[lane] / count);
  }
  store_channels(w.b.out[1], gw, s.channels, block);
  store_channels(w.b.out[2], gb, s.channels, block);
  const IntVector used = first_lanes(used_lanes(s.channels, block));
  store_numbers(numbers, {channels, masked(used, b), masked(used, c)});
}

template <Mask kMask>
void write_chunk(const Work& w, const Chunk& chunk, const float* numbers) {
  const BatchNormShape& s = w.s;
  const InputNumbers own = load_numbers(numbers);
  const auto write = s.training ? write_run<kMask, true> : write_run<kMask, false>;
  for (int64_t n = chunk.n; n < chunk.stop; ++n) {
    Run run = w.run(chunk, n);
    if (s.residual) {  // added and masked already
      run.gy = w.residual(chunk, n);
      run.added = nullptr;
    }
    float* gx = w.b.out[0] + n * s.gx_batch_stride + chunk.offset(s);
    const int64_t piece = s.pooled ? kPiece : chunk.pixels;
    for (int64_t p = 0; p < chunk.pixels; p += piece) {
      const int64_t count = least(piece, chunk.pixels - p);
      run.gy = w.gradient(run, chunk, n, p, count);
      write(run, own, p, count, gx);
    }
  }
}

// What each phase does, for the kind of mask.
struct Phases {
  const Work& work;
  Chunks chunks;
  float *cells, *numbers;
  void (*add_of_mask)(const Work&, const Chunk&, float*);
  void (*write_of_mask)(const Work&, const Chunk&, const float*);

  void add(int64_t task) const {
    add_of_mask(work, chunk_at(work.s, chunks, task), cells + task * kCell);
  }
  void join(int64_t block) const { put_together(work, chunks, block, numbers + block * kNumbers); }
  void write(int64_t task) const {
    const Chunk chunk = chunk_at(work.s, chunks, task);
    write_of_mask(work, chunk, numbers + chunk.block * kNumbers);
  }
  void run_block(int64_t block) const {
    for (int64_t i = 0; i < chunks.count; ++i) add(i * chunks.blocks + block);
    join(block);
    if (!work.s.input) return;
    for (int64_t i = 0; i < chunks.count; ++i) write(i * chunks.blocks + block);
  }
};

void run(const BatchNormShape& s, const Buffers& buffers, int phase, int64_t first, int64_t stop) {
  const Work work = {s, buffers};
  const Chunks chunks = chunks_of(s);
  float* const numbers = s.numbers ? buffers.out[0] : buffers.shared + chunks.tasks() * kCell;
  const Phases phases = {work,
                         chunks,
                         buffers.shared,
                         numbers,
                         s.mask == Mask::none  ? add_chunk<Mask::none>
                         : s.mask == Mask::own ? add_chunk<Mask::own>
                                               : add_chunk<Mask::output>,
                         s.mask == Mask::none || s.residual ? write_chunk<Mask::none>
                         : s.mask == Mask::own              ? write_chunk<Mask::own>
                                                            : write_chunk<Mask::output>};
  const auto step = by_blocks(s, chunks) ? &Phases::run_block
                    : phase == 0         ? &Phases::add
                    : phase == 1         ? &Phases::join
                                         : &Phases::write;
  for (int64_t task = first; task < stop; ++task) (phases.*step)(task);
}

}  // namespace

extern const Kernel<BatchNormShape> batch_norm_gradient;
const Kernel<BatchNormShape> batch_norm_gradient = {"gradient", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
