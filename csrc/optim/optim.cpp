#include "optim/optim.hpp"

#include <algorithm>

#include "kernels/target.hpp"
#include "threads/parallel.hpp"

namespace striate {
namespace {

constexpr int64_t kTask = 8192;  // numbers: a few microseconds

// work(one, first, stop) for all numbers of all parameters, counted through: a task is so many of
// them, whichever parameters they are in, so that many small ones are shared out once.
template <typename Work>
void each(const std::vector<Updated>& all, Work work) {
  std::vector<int64_t> starts{0};
  for (const Updated& one : all) starts.push_back(starts.back() + one.count);
  const int64_t total = starts.back();
  const auto body = [&](int64_t first, int64_t stop, int) {
    const int64_t end = std::min(total, stop * kTask);
    int64_t at = first * kTask;
    auto i = std::upper_bound(starts.begin(), starts.end(), at) - starts.begin() - 1;
    for (; at < end; ++i) {
      const int64_t last = std::min(end, starts[i + 1]);
      if (at < last) work(all[i], at - starts[i], last - starts[i]);
      at = last;
    }
  };
  const int64_t tasks = (total + kTask - 1) / kTask;
  if (tasks > 1) {
    parallel_for(tasks, body);
  } else {
    body(0, tasks, 0);
  }
}

}  // namespace

void update(const Sgd& settings, const std::vector<Updated>& all) {
  const auto sgd = targets().front()->updates.sgd;
  each(all,
       [&](const Updated& one, int64_t first, int64_t stop) { sgd(settings, one, first, stop); });
}

void update(const AdamW& settings, const std::vector<Updated>& all) {
  const auto adamw = targets().front()->updates.adamw;
  each(all,
       [&](const Updated& one, int64_t first, int64_t stop) { adamw(settings, one, first, stop); });
}

}  // namespace striate
