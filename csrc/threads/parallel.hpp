// parallel_for: the one way in which Striate's native code uses more than one core.
//
//   parallel_for(tasks, [&](int64_t first, int64_t stop, int thread) { ... tasks first .. stop-1
//   });
//
// The tasks are split into runs of near-equal length, one a thread, the same on every call:
//
//   tasks       0 1 2 3 | 4 5 6 | 7 8 9          10 tasks, 3 threads
//   thread         0    |   1   |   2            the caller is thread 0
//
// What a task computes must not depend on who runs it. Then results do not depend on the number of
// threads: a sum over tasks is kept per task, and added up in their order afterwards.
//
// - It returns when every task is done. What a body throws is thrown here: the first by thread.
// - Inside a body it runs its tasks one after another, as thread 0 of a team of one.
// - Several threads may call it at the same time: their regions take turns.
// - A fork waits for the region that runs; its child gets workers of its own when it needs them.
#pragma once

#include <cstdint>
#include <type_traits>

namespace striate {

constexpr int kMaxThreads = 1024;

// Threads of a region, the caller's included. At first STRIATE_NUM_THREADS, or else the number of
// cores this process may use. Throws std::invalid_argument for a number out of 1 .. kMaxThreads.
int num_threads();
void set_num_threads(int64_t threads);

// A body by reference: two words, no allocation. The body outlives the call.
class BodyRef {
 public:
  template <typename Body>
  BodyRef(Body&& body)  // NOLINT: converts on purpose
      : body_(const_cast<void*>(static_cast<const void*>(&body))),
        call_([](void* object, int64_t first, int64_t stop, int thread) {
          (*static_cast<std::remove_reference_t<Body>*>(object))(first, stop, thread);
        }) {}
  void operator()(int64_t first, int64_t stop, int thread) const {
    call_(body_, first, stop, thread);
  }

 private:
  void* body_;
  void (*call_)(void*, int64_t, int64_t, int);
};

void parallel_for(int64_t tasks, BodyRef body);

// body(thread, thread + 1, thread) as thread 0 on the caller, and on those of team - 1 workers that
// come before the caller is done with it: nobody waits for a worker that has not begun. Inside a
// region, and while the workers are with another caller, on the caller alone. Without `wake`
// workers are left asleep, unless the last region ended a moment ago. (engine/tasks.hpp)
void offer_team(int team, bool wake, BodyRef body);

}  // namespace striate
