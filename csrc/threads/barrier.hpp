// A point that all threads of a team reach before any goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "threads/signal.hpp"

namespace striate {

class Barrier {
 public:
  explicit Barrier(int team) : team_(team), missing_(team) {}

  // What a thread wrote before it is seen by all behind it. The last to come runs `last` first.
  template <typename Last>
  void wait(Last last) {
    if (team_ == 1) return last();
    const int64_t round = round_.load(std::memory_order_relaxed);
    if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      last();
      missing_.store(team_, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    // A layer ends within microseconds of the others, unless another program has the core: then the
    // one that waits gives its own away.
    for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
      if (spins < kSpins) {
        spin_pause();
      } else {
        std::this_thread::yield();
      }
    }
  }

 private:
  static constexpr int kSpins = 20000;  // about a millisecond

  const int team_;
  alignas(64) std::atomic<int> missing_;
  alignas(64) std::atomic<int64_t> round_{0};
};

}  // namespace striate
