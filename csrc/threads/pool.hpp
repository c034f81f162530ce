// The workers behind parallel_for.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "threads/parallel.hpp"
#include "threads/signal.hpp"

namespace striate {

class Pool {
 public:
  Pool() = default;
  Pool(const Pool& other) : threads_(other.threads_.load()) {}  // as large, with no workers yet
  Pool& operator=(const Pool&) = delete;

  int threads();
  void resize(int threads);
  void run(int64_t tasks, int most_threads, BodyRef body);
  // Returns false where another caller's region runs; nothing was done then.
  bool offer(int team, bool wake, BodyRef body);
  // No region begins in between.
  void pause() { turn_.lock(); }
  void go_on() { turn_.unlock(); }

 private:
  struct Region {
    int64_t tasks;
    int team;
    BodyRef body;
  };

  // A worker waits idle, is offered a region, and is at work on it; or the offer is taken back.
  enum State : int64_t { kIdle, kOffered, kAtWork, kStop };

  struct Worker {
    Signal state;
    const Region* region = nullptr;
    std::exception_ptr thrown;
    std::thread thread;
  };

  void hand_out(const Region& region, bool wake);
  std::exception_ptr run_own_share(const Region& region);
  void join(const Region& region, std::exception_ptr thrown);
  void start_workers(int count);
  void stop_workers();
  void work(Worker& self, int thread, int core);

  std::mutex turn_;                               // held by the caller whose region runs
  std::atomic<int> threads_{0};                   // 0: not asked for yet
  std::vector<std::unique_ptr<Worker>> workers_;  // workers_[i] is thread i + 1
  Signal running_;                                // workers that are not done with their run
  Signal::Clock::time_point ended_;               // the last region
};

}  // namespace striate
