// What the tests and the benchmark ask of parallel_for: small regions whose outcome is known.
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

#include "bind/bind.hpp"
#include "threads/parallel.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace striate::bind {
namespace {

using Values = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Parallel = nb::call_guard<ReleaseGil>;

// One task adds a block; the blocks' sums are added in their order, whoever made them.
double parallel_sum(const double* values, int64_t size) {
  constexpr int64_t kBlock = 1024;
  std::vector<double> sums((size + kBlock - 1) / kBlock);
  parallel_for(static_cast<int64_t>(sums.size()), [&](int64_t first, int64_t stop, int) {
    for (int64_t block = first; block < stop; ++block) {
      const int64_t end = std::min(size, (block + 1) * kBlock);
      for (int64_t i = block * kBlock; i < end; ++i) sums[block] += values[i];
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

// The thread that ran each task; -1 for a task that nobody ran.
std::vector<int> parallel_owners(int64_t tasks) {
  std::vector<int> owners(tasks, -1);
  parallel_for(tasks, [&](int64_t first, int64_t stop, int thread) {
    for (int64_t task = first; task < stop; ++task) owners[task] = thread;
  });
  return owners;
}

// Each outer task runs a region of its own: how often each inner task ran, and on which thread.
std::vector<std::vector<int>> parallel_nested(int64_t outer, int64_t inner) {
  std::vector<std::vector<int>> owners(outer);
  parallel_for(outer, [&](int64_t first, int64_t stop, int) {
    for (int64_t task = first; task < stop; ++task) owners[task] = parallel_owners(inner);
  });
  return owners;
}

void parallel_throw(int64_t tasks, const std::vector<int64_t>& failing) {
  parallel_for(tasks, [&](int64_t first, int64_t stop, int) {
    for (int64_t task = first; task < stop; ++task) {
      if (std::find(failing.begin(), failing.end(), task) != failing.end()) {
        throw std::runtime_error("task " + std::to_string(task) + " failed");
      }
    }
  });
}

// Median time of a region that does nothing, in microseconds.
double fork_join_us(int64_t repeats) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times(repeats);
  for (double& time : times) {
    const Clock::time_point start = Clock::now();
    parallel_for(kMaxThreads, [](int64_t, int64_t, int) {});
    time = std::chrono::duration<double, std::micro>(Clock::now() - start).count();
  }
  std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
  return times[repeats / 2];
}

int64_t at_least(int64_t least, int64_t given) {
  if (given >= least) return given;
  throw std::invalid_argument(std::to_string(given) + " was given; " + std::to_string(least) +
                              " or more is needed.");
}

}  // namespace

void bind_checks(nb::module_& m) {
  m.def(
      "parallel_sum",
      [](const Values& values) {
        return parallel_sum(values.data(), static_cast<int64_t>(values.size()));
      },
      "values"_a, Parallel(), "Add numbers up, block by block.");
  m.def(
      "parallel_owners", [](int64_t tasks) { return parallel_owners(at_least(0, tasks)); },
      "tasks"_a, Parallel(), "List the thread that ran each task.");
  m.def(
      "parallel_nested",
      [](int64_t outer, int64_t inner) {
        return parallel_nested(at_least(0, outer), at_least(0, inner));
      },
      "outer"_a, "inner"_a, Parallel(), "List the threads of a region inside each task.");
  m.def("parallel_throw", &parallel_throw, "tasks"_a, "failing"_a, Parallel(),
        "Throw RuntimeError in the failing tasks.");
  m.def(
      "fork_join_us", [](int64_t repeats) { return fork_join_us(at_least(1, repeats)); },
      "repeats"_a = 1000, Parallel(), "Median time of an empty region, in microseconds.");
}

}  // namespace striate::bind
