// The parts of striate._core: one function a source file.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <thread>

namespace striate::bind {

// Lets other Python threads run while native code works: nb::call_guard<ReleaseGil>().
// A daemon thread that comes back after Python began to shut down is ended by CPython (before 3.14)
// with pthread_exit, which unwinds the stack. nb::gil_scoped_release would turn that into a crash
// of the process; here the thread waits for the process to end, as it does from Python 3.14 on.
class ReleaseGil {
 public:
  ReleaseGil() : state_(PyEval_SaveThread()) {}
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;
  ~ReleaseGil() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }

 private:
  PyThreadState* state_;
};

void bind_cpu(nanobind::module_& m);
void bind_threads(nanobind::module_& m);
void bind_engine(nanobind::module_& m);
void bind_checks(nanobind::module_& m);
void bind_optim(nanobind::module_& m);
void bind_rotate(nanobind::module_& m);

}  // namespace striate::bind
