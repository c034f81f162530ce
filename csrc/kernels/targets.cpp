#include <stdexcept>

#include "cpu/cpu.hpp"
#include "kernels/target.hpp"

namespace striate {

#define STRIATE_DECLARE_TARGET(name) \
  namespace name {                   \
  extern const Target target;        \
  }
STRIATE_DECLARE_TARGET(avx512)
STRIATE_DECLARE_TARGET(avx2)
STRIATE_DECLARE_TARGET(portable8)
STRIATE_DECLARE_TARGET(portable16)

const std::vector<const Target*>& targets() {
  static const std::vector<const Target*> here = [] {
    std::vector<const Target*> found;
    [[maybe_unused]] const cpu::Features& cpu = cpu::features();
#ifdef STRIATE_AVX512
    if (cpu.avx512f && cpu.avx512bw && cpu.avx512dq && cpu.avx512vl && cpu.fma) {
      found.push_back(&avx512::target);
    }
#endif
#ifdef STRIATE_AVX2
    if (cpu.avx2 && cpu.fma) found.push_back(&avx2::target);
#endif
#ifdef STRIATE_PORTABLE8
    found.push_back(&portable8::target);
#endif
#ifdef STRIATE_PORTABLE16
    found.push_back(&portable16::target);
#endif
    return found;
  }();
  return here;
}

const Target& find_target(const std::string& name) {
  std::string known;
  for (const Target* target : targets()) {
    if (target->name == name) return *target;
    known += std::string(known.empty() ? "" : ", ") + target->name;
  }
  throw std::invalid_argument("instruction set '" + name + "' does not run on this machine; " +
                              known + " do.");
}

}  // namespace striate
