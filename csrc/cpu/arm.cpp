// 64-bit Arm always has NEON. Linux tells the rest in files; elsewhere it stays unknown.
#include <cstdlib>
#include <fstream>

#include "cpu/ahead.hpp"
#include "cpu/amx.hpp"
#include "cpu/cpu.hpp"

namespace striate::cpu {
namespace {

std::string first_line(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

}  // namespace

Features detect_features() {
  Features f;
  f.neon = true;
  return f;
}

Caches detect_caches() {
  Caches caches;
  int64_t* const sizes[] = {&caches.l1_bytes, &caches.l2_bytes, &caches.l3_bytes};
  for (int index = 0; index < 8; ++index) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const std::string level = first_line(folder + "level"), size = first_line(folder + "size");
    if (size.empty()) break;
    if (first_line(folder + "type") == "Instruction" || level < "1" || level > "3") continue;
    const int64_t unit = size.back() == 'M' ? 1024 * 1024 : 1024;  // "64K", "8M"
    *sizes[level[0] - '1'] = std::strtoll(size.c_str(), nullptr, 10) * unit;
  }
  return caches;
}

std::string detect_brand() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (colon != std::string::npos && line.rfind("model name", 0) == 0) {
      return line.substr(colon + 2);
    }
  }
  return "";
}

}  // namespace striate::cpu

const bool striate_fetches_near = false;

bool striate_amx() {
  return false;
}
