// Linear layers of many images: the matrix product of dense.hpp, images in the place of pixels.
//
// A task computes up to 96 images by a range of outputs; its sums stay in scratch, [vector][image],
// and are written to the rows of y at the end.
#include "conv/kernels/dense_rows.hpp"
#include "linear/kernels/weights.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kImages = 96;
constexpr int64_t kTasks = 16;
constexpr int64_t kTaskFlops = 1'000'000;
constexpr int64_t kSumFloats = 24576;  // of a task: 96 KiB of L2

struct Plan {
  int64_t parts, images;  // of the batch, and of the largest part
  int64_t panels, ranges;
};

Plan plan(const LinearShape& s) {
  Plan p;
  p.parts = ceil_div(s.batch, kImages);
  p.images = ceil_div(s.batch, p.parts);
  const int64_t vectors = linear_vectors(s);
  p.panels = panels_of(vectors);
  p.ranges = least(ceil_div(kTasks, p.parts), 2 * p.images * vectors * kLanes * s.row / kTaskFlops);
  p.ranges = most(p.ranges, ceil_div(p.images * vectors * kLanes, kSumFloats));
  p.ranges = most(1, least(p.ranges, p.panels));
  return p;
}

bool fits(const LinearShape&) {
  return true;
}

Needs needs(const LinearShape& s, int) {
  const Plan p = plan(s);
  Needs needs;
  needs.weight_floats = linear_weight_floats(s);
  needs.pack_tasks = panels_of(linear_vectors(s));
  needs.thread_floats =
      ceil_div((2 * ceil_div(p.panels, p.ranges) + 1) * p.images * kLanes, 16) * 16;
  needs.tasks[0] = p.parts * p.ranges;
  return needs;
}

void run_task(const LinearShape& s, const Plan& p, const Buffers& b, int64_t part, int64_t range) {
  const int64_t first = cut(s.batch, p.parts, part);
  int64_t rows[kImages];
  DenseBlock t;
  t.run = cut(s.batch, p.parts, part + 1) - first;
  for (int64_t i = 0; i < t.run; ++i) rows[i] = i * s.row;
  t.a = b.in[0] + first * s.row;
  t.pixel = rows;
  t.cells = false;
  t.runs = 1;
  t.c_run = 0;
  t.c_vector = t.run * kLanes;
  t.residual = nullptr;
  t.w = b.weight[0];
  t.bias = s.bias ? b.weight[1] : nullptr;
  t.vectors = linear_vectors(s);
  t.depth_all = s.row;
  t.first_panel = cut(p.panels, p.ranges, range);
  t.stop_panel = cut(p.panels, p.ranges, range + 1);
  t.c = b.scratch - 2 * t.first_panel * t.c_vector;
  t.activation = s.activation;
  dense_rows(t);
  const int64_t last = 2 * (t.stop_panel - 1) + panel_vectors(t.vectors, t.stop_panel - 1);
  for (int64_t i = 0; i < t.run; ++i) {
    float* y = b.out[0] + (first + i) * s.out_row;
    for (int64_t v = 2 * t.first_panel; v < last; ++v) {
      linear_store(s, load(t.c + v * t.c_vector + i * kLanes), v, y);
    }
  }
}

void run(const LinearShape& s, const Buffers& b, int, int64_t first, int64_t stop) {
  const Plan p = plan(s);
  for (int64_t task = first; task < stop; ++task) {
    run_task(s, p, b, task / p.ranges, task % p.ranges);
  }
}

}  // namespace

extern const Kernel<LinearShape> linear_product;
const Kernel<LinearShape> linear_product = {"product", fits, needs, linear_pack, run};

}  // namespace striate::STRIATE_TARGET
