// The extension module striate._core.
#include <stdexcept>

#include "bind/bind.hpp"

namespace nb = nanobind;

namespace {

// An argument out of range is an OptionError, as everywhere in Striate.
void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::invalid_argument& error) {
    PyErr_SetString(nb::module_::import_("striate.errors").attr("OptionError").ptr(), error.what());
  }
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The native core of Striate: what the processor can do, and the thread pool.";
  nb::set_leak_warnings(false);  // a plan may live to the end, in the traceback of an error say
  nb::register_exception_translator(translate);
  striate::bind::bind_cpu(m);
  striate::bind::bind_threads(m);
  striate::bind::bind_checks(m);
  striate::bind::bind_engine(m);
  striate::bind::bind_optim(m);
  striate::bind::bind_rotate(m);
}
