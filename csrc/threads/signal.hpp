// A number that some threads change and another waits for: first spinning, then asleep.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace striate {

// Tells the processor that this is a spinning loop, so that its other hyper-thread gets on.
inline void spin_pause() {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

class alignas(64) Signal {
 public:
  using Clock = std::chrono::steady_clock;

  int64_t value() const { return value_.load(std::memory_order_acquire); }

  // Only while nobody waits.
  void set(int64_t value) { value_.store(value, std::memory_order_release); }

  void add(int64_t change) {
    // The change and the look at sleeping_ are in one total order with the waiter's two steps the
    // other way round, so that either it sees the change or it is seen asleep.
    value_.fetch_add(change, std::memory_order_seq_cst);
    wake();
  }

  void replace(int64_t value) {
    value_.store(value, std::memory_order_seq_cst);
    wake();
  }

  // Only where the waiter does not wait for `to`.
  bool replace_if(int64_t from, int64_t to) { return value_.compare_exchange_strong(from, to); }

  // Whether adding or replacing would have to wake a thread, which takes some microseconds.
  bool sleeping() const { return sleeping_.load(std::memory_order_relaxed); }

  // Return once ready(value) holds. One thread at a time.
  template <typename Ready>
  void await(Ready ready, Clock::duration spin) {
    if (ready(value()) || spin_for(ready, spin)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    sleeping_.store(true, std::memory_order_seq_cst);
    woken_.wait(lock, [&] { return ready(value_.load(std::memory_order_seq_cst)); });
    sleeping_.store(false, std::memory_order_relaxed);
  }

 private:
  void wake() {
    if (!sleeping_.load(std::memory_order_seq_cst)) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    woken_.notify_one();
  }

  template <typename Ready>
  bool spin_for(Ready ready, Clock::duration spin) const {
    if (spin <= Clock::duration::zero()) return false;
    const Clock::time_point end = Clock::now() + spin;
    do {
      for (int round = 0; round < 32; ++round) {  // the clock costs as much as a few pauses
        if (ready(value())) return true;
        spin_pause();
      }
    } while (Clock::now() < end);
    return false;
  }

  std::atomic<int64_t> value_{0};
  std::atomic<bool> sleeping_{false};
  std::mutex mutex_;
  std::condition_variable woken_;
};

}  // namespace striate
