#include "bind/bind.hpp"
#include "threads/parallel.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace striate::bind {

void bind_threads(nb::module_& m) {
  m.attr("MAX_THREADS") = kMaxThreads;
  m.def("get_num_threads", &num_threads, "Number of threads of native code.");
  m.def("set_num_threads", &set_num_threads, "threads"_a, nb::call_guard<ReleaseGil>(),
        "Set the number of threads of native code.");
}

}  // namespace striate::bind
