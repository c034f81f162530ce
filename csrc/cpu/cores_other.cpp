// Systems without Linux's files: every core counts.
#include <algorithm>
#include <numeric>
#include <thread>

#include "cpu/cores.hpp"

namespace striate::cpu {

Cores detect_cores(const std::string&) {
  Cores cores;
  cores.online = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  cores.allowed = cores.physical = cores.online;
  cores.order.resize(cores.online);
  std::iota(cores.order.begin(), cores.order.end(), 0);
  return cores;
}

void place_thread(int) {}
int current_core() {
  return -1;
}

}  // namespace striate::cpu
