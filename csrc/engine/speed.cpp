#include "engine/speed.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>

namespace striate {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The most work a second that `work(rounds)` reaches, over pieces of about 50 us.
template <typename Work>
double best_rate(double seconds, const Work& work) {
  int64_t rounds = 1;
  double best = 0;
  const Clock::time_point start = Clock::now();
  do {
    const Clock::time_point begin = Clock::now();
    const double done = work(rounds);
    const double took = std::max(1e-9, since(begin));
    if (took < 50e-6) {
      rounds *= 2;
    } else {
      best = std::max(best, done / took);
    }
  } while (best == 0 || since(start) < seconds);
  return best;
}

}  // namespace

double peak_gflops(const Target& target, double seconds) {
  float sink[64] = {};
  return best_rate(seconds, [&](int64_t rounds) { return target.multiply_add(rounds, sink); }) *
         1e-9;
}

double bandwidth(const Target& target, int64_t bytes, double seconds) {
  if (bytes < 4096 || bytes > (int64_t{1} << 40)) {
    throw std::invalid_argument("bandwidth reads from 4096 bytes to 1 TiB.");
  }
  const int64_t floats = bytes / 4096 * 1024;
  const std::unique_ptr<float, void (*)(void*)> buffer(
      static_cast<float*>(std::aligned_alloc(4096, floats * sizeof(float))), std::free);
  if (!buffer) throw std::bad_alloc();
  std::fill_n(buffer.get(), floats, 0.0f);
  float sink[64] = {};
  return best_rate(seconds,
                   [&](int64_t rounds) {
                     for (int64_t round = 0; round < rounds; ++round) {
                       target.read(buffer.get(), floats, sink);
                     }
                     return static_cast<double>(rounds) * floats * sizeof(float);
                   }) *
         1e-9;
}

}  // namespace striate
