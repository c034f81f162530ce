// A processor that Striate has no kernels for: the portable ones serve it.
#include "cpu/ahead.hpp"
#include "cpu/amx.hpp"
#include "cpu/cpu.hpp"

namespace striate::cpu {

Features detect_features() {
  return {};
}
Caches detect_caches() {
  return {};
}
std::string detect_brand() {
  return "";
}

}  // namespace striate::cpu

const bool striate_fetches_near = false;

bool striate_amx() {
  return false;
}
