// What the engine knows of a kernel: one row of a table, for one operation and one target.
//
// A kernel computes one operation for one kind of shape in one or more phases. A phase is a number
// of tasks that may run in any order on any thread; all tasks of a phase are done before the next
// phase starts. What a task computes does not depend on the thread or on the number of threads.
//
// Rows are made of plain functions over plain structs: their files are compiled once for each
// target with its own flags, and must not instantiate anything that other files share (std::vector,
// inline functions of shared headers): the linker would keep one copy, perhaps one that this
// machine cannot run. tests/native/test_symbols.py looks.
#pragma once

#include <cstdint>

namespace striate {

constexpr int kMaxPhases = 4;
constexpr int kMaxOperands = 8;

// What a kernel needs for one shape. Counts of floats.
struct Needs {
  int64_t weight_floats = 0;  // its packed weights
  int64_t pack_tasks = 1;     // in which they are packed
  int64_t shared_floats = 0;  // scratch of all threads together
  int64_t thread_floats = 0;  // scratch of each thread
  int phases = 1;
  int64_t tasks[kMaxPhases] = {};
  // By which the time of products of tiles is estimated (kernels/digits.hpp).
  int64_t tile_products = 0, cells = 0;  // of all tasks together
};

// Where the operands are. All but plain inputs and outputs are aligned to whole vectors, the arena
// and the weights to 64 bytes.
struct Buffers {
  const float* in[kMaxOperands] = {};
  float* out[kMaxOperands] = {};
  const float* weight[kMaxOperands] = {};
  float* shared = nullptr;   // Needs::shared_floats
  float* scratch = nullptr;  // Needs::thread_floats, this thread's own
};

// A layer's weights where the network keeps them: w[group][output][channel][tap], with so many
// floats from one to the next along each axis. Transposed filters that are turned around lie
// backwards; those for every other output leave taps out.
struct Filters {
  const float* first = nullptr;
  int64_t group = 0, output = 0, channel = 0;
  int64_t tap[3] = {};  // along depth, height, width
};

template <typename Shape>
struct Kernel {
  const char* name;
  // Whether the kernel computes this shape.
  bool (*fits)(const Shape&);
  Needs (*needs)(const Shape&, int threads);
  // Write the weights as the kernel reads them, in Needs::pack_tasks tasks; null where there are
  // none.
  void (*pack)(const Shape&, const Filters&, float* packed, int64_t first, int64_t stop);
  void (*run)(const Shape&, const Buffers&, int phase, int64_t first, int64_t stop);
};

// Rows of one operation, best first.
template <typename Shape>
struct Kernels {
  const Kernel<Shape>* const* rows = nullptr;
  int count = 0;
};

}  // namespace striate
