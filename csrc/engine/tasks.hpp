// The tasks of a program's phases, done by as many threads as come.
//
//   tasks       0 1 2 3 | 4 5 6 | 7 8 9
//   thread         0    |   1   |   2        1 is done first and takes from the end of 2's run
//
// Each thread takes from a run of its own first: the same in every layer and every call, so that it
// finds its part of a map in its own cache as long as nobody falls behind. Then it helps the
// others, also those that have not come: a phase is over when its tasks are done, whoever did them.
// So a thread that the system keeps waiting delays nobody, unless it holds a task.
//
//   thread 0   phase 0: take .. take, finish | wait | phase 1: ...
//   thread 1        (late)  current() is 1 ---------> phase 1: ...
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "threads/signal.hpp"

namespace striate {

// Phases of a program, and tasks of a phase: what a run's word holds.
constexpr int64_t kMostPhases = (int64_t{1} << 20) - 2;
constexpr int64_t kMostTasks = (int64_t{1} << 22) - 1;

struct TaskRange {
  int64_t first, stop;
};

class Tasks {
 public:
  explicit Tasks(int team) : runs_(team) {}

  // Before a team starts on `phase`; nobody is at work.
  void begin(int64_t phase) {
    for (Run& run : runs_) run.word.store(0, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    phase_.store(phase, std::memory_order_release);
  }

  // What the phases before wrote is seen behind it.
  int64_t current() const { return phase_.load(std::memory_order_acquire); }

  // Take some tasks of a phase that was current: half of what is left in a run. False where none is
  // left, or the phase is over.
  bool take(int thread, int64_t phase, int64_t tasks, TaskRange& range) {
    const int team = static_cast<int>(runs_.size());
    for (int i = 0; i < team; ++i) {
      const int owner = thread + i < team ? thread + i : thread + i - team;
      if (take_of(owner, i == 0, phase, tasks, range)) return true;
    }
    return false;
  }

  // `count` of the phase's tasks are done; behind the last of all, `next` becomes current.
  void finish(int64_t count, int64_t tasks, int64_t next) {
    if (done_.fetch_add(count, std::memory_order_acq_rel) + count < tasks) return;
    done_.store(0, std::memory_order_relaxed);
    phase_.store(next, std::memory_order_release);
  }

  // Return when the phase is over. Threads end within microseconds of each other, unless another
  // program has a core: then the one that waits gives its own away.
  void wait(int64_t phase) const {
    for (int spins = 0; current() == phase; ++spins) {
      if (spins < kSpins) {
        spin_pause();
      } else {
        std::this_thread::yield();
      }
    }
  }

 private:
  static constexpr int kSpins = 2000;  // about 30 us

  // phase + 1 << 44 | first << 22 | stop. An older phase's word means that the run is whole.
  struct alignas(64) Run {
    std::atomic<uint64_t> word{0};
  };

  bool take_of(int owner, bool own, int64_t phase, int64_t tasks, TaskRange& range) {
    const int64_t team = static_cast<int64_t>(runs_.size());
    std::atomic<uint64_t>& word = runs_[owner].word;
    uint64_t seen = word.load(std::memory_order_relaxed);
    for (;;) {
      const int64_t tag = static_cast<int64_t>(seen >> 44);
      if (tag > phase + 1) return false;
      int64_t first = static_cast<int64_t>(seen >> 22 & kMostTasks), stop = seen & kMostTasks;
      if (tag < phase + 1) {
        const int64_t rest = tasks % team;
        first = tasks / team * owner + (rest < owner ? rest : owner);
        stop = first + tasks / team + (owner < rest ? 1 : 0);
      }
      if (first >= stop) return false;
      const int64_t count = (stop - first + 1) / 2;
      range = own ? TaskRange{first, first + count} : TaskRange{stop - count, stop};
      (own ? first : stop) = own ? range.stop : range.first;
      const uint64_t left = static_cast<uint64_t>(phase + 1) << 44 |
                            static_cast<uint64_t>(first) << 22 | static_cast<uint64_t>(stop);
      if (word.compare_exchange_weak(seen, left, std::memory_order_relaxed)) return true;
    }
  }

  std::vector<Run> runs_;
  alignas(64) std::atomic<int64_t> done_{0};
  alignas(64) std::atomic<int64_t> phase_{0};
};

}  // namespace striate
