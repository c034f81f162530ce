#include "cpu/cpu.hpp"

namespace striate::cpu {

const Features& features() {
  static const Features detected = detect_features();
  return detected;
}

Isa best_isa() {
  const Features& f = features();
  const bool avx2 = f.avx2 && f.fma;
  if (avx2 && f.avx512f && f.avx512bw && f.avx512dq && f.avx512vl) return Isa::avx512;
  return avx2 ? Isa::avx2 : Isa::portable;
}

const char* name(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::portable:
      break;
  }
  return "portable";
}

std::vector<std::string> names(const Features& f) {
  const struct {
    bool present;
    const char* name;
  } table[] = {
      {f.avx2, "avx2"},
      {f.fma, "fma"},
      {f.f16c, "f16c"},
      {f.avx512f, "avx512f"},
      {f.avx512bw, "avx512bw"},
      {f.avx512dq, "avx512dq"},
      {f.avx512vl, "avx512vl"},
      {f.avx512_vnni, "avx512_vnni"},
      {f.avx512_bf16, "avx512_bf16"},
      {f.amx_int8, "amx_int8"},
      {f.neon, "neon"},
  };
  std::vector<std::string> present;
  for (const auto& row : table) {
    if (row.present) present.emplace_back(row.name);
  }
  return present;
}

}  // namespace striate::cpu
