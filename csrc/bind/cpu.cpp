#include "cpu/cpu.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind/bind.hpp"
#include "cpu/amx.hpp"
#include "cpu/cores.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace striate::bind {

void bind_cpu(nb::module_& m) {
  m.def("cpu_brand", &cpu::detect_brand, "Name the processor; empty where it does not tell.");
  m.def(
      "cpu_features", [] { return cpu::names(cpu::features()); },
      "List the instruction sets that kernels may ask for and this machine has.");
  m.def("multiplies_tiles", &striate_amx,
        "Whether kernels may multiply tiles of int8 here: asks the system for their registers.");
  m.def(
      "cpu_isa", [] { return std::string(cpu::name(cpu::best_isa())); },
      "Name the instruction set whose kernels run here: avx512, avx2 or portable.");

  nb::class_<cpu::Caches>(m, "Caches", "Sizes of one core's data caches; 0 where not known.")
      .def_ro("l1_bytes", &cpu::Caches::l1_bytes)
      .def_ro("l2_bytes", &cpu::Caches::l2_bytes)
      .def_ro("l3_bytes", &cpu::Caches::l3_bytes);
  m.def("cpu_caches", &cpu::detect_caches, "Measure the data caches of one core.");

  nb::class_<cpu::Cores>(m, "Cores", "The cores this process may use.")
      .def_ro("online", &cpu::Cores::online, "Logical cores of the machine.")
      .def_ro("allowed", &cpu::Cores::allowed, "Logical cores in the affinity mask.")
      .def_ro("physical", &cpu::Cores::physical, "Physical cores behind the allowed ones.")
      .def_ro("quota", &cpu::Cores::quota, "Cores' worth of time the cgroup grants; 0: no limit.")
      .def_ro("order", &cpu::Cores::order, "Allowed cores, one of each physical core first.")
      .def_prop_ro("usable", &cpu::Cores::usable, "Threads that pay: physical, within the quota.");
  m.def("cpu_cores", &cpu::detect_cores, "root"_a = "",
        "Count the cores this process may use; system files are looked for under `root`.");
}

}  // namespace striate::bind
