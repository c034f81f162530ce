#include "engine/checksum.hpp"

#include <cstring>

namespace striate {
namespace {

constexpr int kChains = 8;
constexpr uint64_t kFactor = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio, odd

uint64_t mixed(uint64_t lane, uint64_t word) {
  lane ^= word;
  return (lane << 29 | lane >> 35) * kFactor;
}

}  // namespace

uint64_t checksum(const void* data, int64_t bytes) {
  uint64_t lanes[kChains];
  for (int i = 0; i < kChains; ++i) lanes[i] = kFactor * (i + 1);
  const auto* at = static_cast<const unsigned char*>(data);
  const int64_t words = bytes / 8;
  int64_t word = 0;
  for (; word + kChains <= words; word += kChains) {
    uint64_t read[kChains];
    std::memcpy(read, at + word * 8, sizeof(read));
    for (int i = 0; i < kChains; ++i) lanes[i] = mixed(lanes[i], read[i]);
  }
  uint64_t total = static_cast<uint64_t>(bytes);
  for (; word < words; ++word) {
    uint64_t read;
    std::memcpy(&read, at + word * 8, sizeof(read));
    total = mixed(total, read);
  }
  for (const uint64_t lane : lanes) total = mixed(total, lane);
  return total;
}

}  // namespace striate
