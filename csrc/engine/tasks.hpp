// The tasks of a phase, dealt to a team: each thread has a run of its own, and helps the others
// when it is done.
//
//   tasks       0 1 2 3 | 4 5 6 | 7 8 9
//   thread         0    |   1   |   2        1 is done first and takes 8 or 9 from 2's end of 2's
//   run
//
// The same thread gets the same tasks in every layer and every call, so that it finds its part of a
// map in its own cache, as long as nobody falls behind.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace striate {

class Tasks {
 public:
  explicit Tasks(int team) : runs_(team) {}

  // Each thread calls it at the start of a phase, behind a barrier.
  void begin(int thread, int64_t tasks) {
    const int team = static_cast<int>(runs_.size());
    const int64_t first = tasks / team * thread + (tasks % team < thread ? tasks % team : thread);
    const int64_t count = tasks / team + (thread < tasks % team ? 1 : 0);
    runs_[thread].bounds.store(pack(first, first + count), std::memory_order_release);
  }

  // Take a task: of one's own from the front, of others from the back; -1 when none is left that
  // this thread can see. A thread that has not begun yet does its tasks itself.
  int64_t take(int thread) {
    const int team = static_cast<int>(runs_.size());
    int64_t task = take_front(runs_[thread]);
    for (int other = 1; task < 0 && other < team; ++other) {
      task = take_back(runs_[(thread + other) % team]);
    }
    return task;
  }

 private:
  struct alignas(64) Run {
    std::atomic<uint64_t> bounds{0};  // first << 32 | stop
  };

  static uint64_t pack(int64_t first, int64_t stop) {
    return static_cast<uint64_t>(first) << 32 | static_cast<uint64_t>(stop);
  }

  static int64_t take_front(Run& run) {
    uint64_t seen = run.bounds.load(std::memory_order_relaxed);
    for (;;) {
      const int64_t first = static_cast<int64_t>(seen >> 32), stop = seen & 0xffffffff;
      if (first >= stop) return -1;
      if (run.bounds.compare_exchange_weak(seen, pack(first + 1, stop))) return first;
    }
  }

  static int64_t take_back(Run& run) {
    uint64_t seen = run.bounds.load(std::memory_order_relaxed);
    for (;;) {
      const int64_t first = static_cast<int64_t>(seen >> 32), stop = seen & 0xffffffff;
      if (first >= stop) return -1;
      if (run.bounds.compare_exchange_weak(seen, pack(first, stop - 1))) return stop - 1;
    }
  }

  std::vector<Run> runs_;
};

constexpr int64_t kMaxTasks = int64_t{1} << 31;

}  // namespace striate
