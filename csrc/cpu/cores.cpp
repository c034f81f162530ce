#include "cpu/cores.hpp"

#include <algorithm>
#include <cmath>

namespace striate::cpu {

int Cores::usable() const {
  if (quota <= 0) return physical;
  return std::clamp(static_cast<int>(std::ceil(quota)), 1, physical);
}

}  // namespace striate::cpu
