// CPUID, as Intel's manual (volume 2A) and AMD's (volume 3, appendix E) number its leaves.
#include <cstring>

#ifdef _MSC_VER
#include <intrin.h>
#else
#include <cpuid.h>
#endif

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "cpu/ahead.hpp"
#include "cpu/amx.hpp"
#include "cpu/cpu.hpp"

namespace striate::cpu {
namespace {

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  Registers r;
#ifdef _MSC_VER
  int words[4];
  __cpuidex(words, static_cast<int>(leaf), static_cast<int>(subleaf));
  std::memcpy(&r, words, sizeof r);
#else
  __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
#endif
  return r;
}

// The leaf, or zeros if the processor does not have it: it would answer with another's numbers.
Registers cpuid_or_zero(uint32_t leaf, uint32_t subleaf = 0) {
  const uint32_t highest = cpuid(leaf & 0x80000000u).eax;
  return leaf <= highest ? cpuid(leaf, subleaf) : Registers{};
}

bool bit(uint32_t word, int index) {
  return (word >> index) & 1u;
}

// Which registers the operating system saves when it switches threads (XCR0).
uint64_t saved_registers() {
  if (!bit(cpuid_or_zero(1).ecx, 27)) return 0;  // OSXSAVE: there is no XCR0 to read
#ifdef _MSC_VER
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#endif
}

// Tiles have 8 KiB of registers, which Linux saves for those only that have asked for it
// (Documentation/arch/x86/xstate.rst): once, for all threads of the process. The frames of
// their signals grow by as much, so that no process asks before it looks for kernels on tiles.
bool may_use_tiles() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
#else
  return false;
#endif
}

// From Zen 5 on: lines that are fetched to L2 alone are late or lost there (docs/performance.md).
bool fetches_near() {
  const Registers vendor = cpuid(0);
  if (vendor.ebx != 0x68747541 || vendor.edx != 0x69746e65 || vendor.ecx != 0x444d4163) {
    return false;  // not "AuthenticAMD"
  }
  const uint32_t signature = cpuid_or_zero(1).eax, base = signature >> 8 & 0xf;
  constexpr uint32_t kZen5 = 0x1a;
  return base == 0xf && base + (signature >> 20 & 0xff) >= kZen5;
}

}  // namespace

Features detect_features() {
  const Registers basic = cpuid_or_zero(1), extended = cpuid_or_zero(7), more = cpuid_or_zero(7, 1);
  const uint64_t saved = saved_registers();
  const bool ymm = (saved & 0x06) == 0x06;         // SSE and AVX state
  const bool zmm = ymm && (saved & 0xe0) == 0xe0;  // opmask, upper halves, zmm16-31

  Features f;
  f.fma = ymm && bit(basic.ecx, 12);
  f.f16c = ymm && bit(basic.ecx, 29);
  f.avx2 = ymm && bit(extended.ebx, 5);
  f.avx512f = zmm && bit(extended.ebx, 16);
  f.avx512dq = zmm && bit(extended.ebx, 17);
  f.avx512bw = zmm && bit(extended.ebx, 30);
  f.avx512vl = zmm && bit(extended.ebx, 31);
  f.avx512_vnni = zmm && bit(extended.ecx, 11);
  f.avx512_bf16 = zmm && extended.eax >= 1 && bit(more.eax, 5);  // eax counts the subleaves
  const bool tiles = (saved & 0x60000) == 0x60000;               // their configuration and data
  f.amx_int8 = tiles && bit(extended.edx, 24) && bit(extended.edx, 25);
  return f;
}

Caches detect_caches() {
  // AMD copies Intel's leaf 4 to its own range; leaf 4 itself reads as zeros there.
  const uint32_t leaf = cpuid_or_zero(4).eax & 0x1f ? 4 : 0x8000001d;
  Caches caches;
  for (uint32_t index = 0; index < 16; ++index) {
    const Registers r = cpuid_or_zero(leaf, index);
    const uint32_t type = r.eax & 0x1f;  // 0 no more, 1 data, 2 instructions, 3 both
    if (type == 0) break;
    if (type == 2) continue;
    const int64_t ways = (r.ebx >> 22) + 1, partitions = ((r.ebx >> 12) & 0x3ff) + 1;
    const int64_t line_bytes = (r.ebx & 0xfff) + 1, sets = static_cast<int64_t>(r.ecx) + 1;
    const int64_t bytes = ways * partitions * line_bytes * sets;
    switch ((r.eax >> 5) & 7) {
      case 1:
        caches.l1_bytes = bytes;
        break;
      case 2:
        caches.l2_bytes = bytes;
        break;
      case 3:
        caches.l3_bytes = bytes;
        break;
    }
  }
  return caches;
}

std::string detect_brand() {
  if (cpuid(0x80000000u).eax < 0x80000004u) return "";
  char text[49] = {};
  for (uint32_t part = 0; part < 3; ++part) {
    const Registers r = cpuid(0x80000002u + part);
    std::memcpy(text + 16 * part, &r, 16);
  }
  const std::string brand(text);
  const size_t first = brand.find_first_not_of(' '), last = brand.find_last_not_of(' ');
  return first == std::string::npos ? "" : brand.substr(first, last - first + 1);
}

}  // namespace striate::cpu

const bool striate_fetches_near = striate::cpu::fetches_near();

bool striate_amx() {
  static const bool may = [] {
    const striate::cpu::Features& f = striate::cpu::features();
    return f.amx_int8 && f.avx512bw && striate::cpu::may_use_tiles();
  }();
  return may;
}
