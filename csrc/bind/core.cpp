// The extension module striate._core.
#include <nanobind/nanobind.h>

NB_MODULE(_core, m) { m.doc() = "Native core of Striate."; }
