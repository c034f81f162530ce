// A processor that Striate has no kernels for: the portable ones serve it.
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

bool striate_amx() {
  return false;
}
