// What the processor can do. One file answers for each family: x86.cpp, arm.cpp, other.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace striate::cpu {

// Extensions that a kernel may ask for, if the processor has them and the operating system saves
// their registers.
struct Features {
  bool avx2 = false, fma = false, f16c = false;
  bool avx512f = false, avx512bw = false, avx512dq = false, avx512vl = false;
  bool avx512_vnni = false, avx512_bf16 = false;
  bool amx_int8 = false;  // for the registers, a process asks (cpu/amx.hpp)
  bool neon = false;
};

// Sizes of the first core's data caches; 0 where they are not known.
struct Caches {
  int64_t l1_bytes = 0, l2_bytes = 0, l3_bytes = 0;
};

// The instruction sets that kernels are written for, worst first.
enum class Isa { portable, avx2, avx512 };

Features detect_features();
Caches detect_caches();
std::string detect_brand();  // "" where the processor does not tell

const Features& features();  // detected once
Isa best_isa();
const char* name(Isa isa);
std::vector<std::string> names(const Features& features);

}  // namespace striate::cpu
