// Programs of many threads and many callers, to be built with -fsanitize=thread.
//
// It has one kind of step of its own: y[i] = x[i] + x[(i + 1) % n] (mod 65536), through a phase
// that copies, so that a phase that starts too early, a task that is done twice or not at all, and
// scratch that two threads share all show in the sums. test_stress.py builds
// and runs it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "engine/program.hpp"
#include "threads/parallel.hpp"

namespace striate {
namespace {

constexpr int64_t kSize = 96;

class Turn final : public Step {
 public:
  Turn(int64_t tasks, double seconds) : tasks_(tasks), seconds_(seconds) {
    needs_.phases = 2;
    needs_.tasks[0] = needs_.tasks[1] = tasks;
    needs_.shared_floats = kSize;
    needs_.thread_floats = 16;
    extents_.in = extents_.out = {kSize};
    extents_.plain_in = extents_.plain_out = 1;
  }
  const Needs& needs() const override { return needs_; }
  const Extents& extents() const override { return extents_; }
  FilterSizes filters() const override { return {}; }
  void pack(const Filters&, float*, int64_t, int64_t) const override {}
  double seconds() const override { return seconds_; }
  void run(const Buffers& b, int phase, int64_t first, int64_t stop) const override {
    for (int64_t i = first * kSize / tasks_; i < stop * kSize / tasks_; ++i) {
      if (phase == 0) {
        b.scratch[i % 16] = b.in[0][i];
        b.shared[i] = b.scratch[i % 16];
      } else {
        const int sum = static_cast<int>(b.shared[i]) + static_cast<int>(b.shared[(i + 1) % kSize]);
        b.out[0][i] = static_cast<float>(sum % 65536);
      }
    }
  }

 private:
  int64_t tasks_;
  double seconds_;
  Needs needs_;
  Extents extents_;
};

std::unique_ptr<Step> make_turn(const Target&, const std::string&, const Attributes& attributes,
                                int) {
  const int64_t tasks = attributes.integer("tasks", 1, kSize);
  return std::make_unique<Turn>(tasks, tasks % 3 == 0 ? 1e-7 : 2e-5);  // some are not shared
}

// input -> a -> b -> a -> ... -> output
std::unique_ptr<Program> make_program(int threads, int steps) {
  static const Target target = [] {
    Target one{};
    one.lanes = 8;
    return one;
  }();
  const std::vector<int64_t> outside{kSize};
  auto program = std::make_unique<Program>(target, threads, 3 * kSize + 16 * threads, nullptr, 0,
                                           outside, outside);
  for (int i = 0; i < steps; ++i) {
    Attributes attributes("turn");
    attributes.set("tasks", std::vector<int64_t>{1 + i * 7 % 31});
    Operands operands;
    operands.in = {i == 0 ? Operand{Space::input} : Operand{Space::arena, 0, i % 2 * kSize}};
    operands.out = {i + 1 == steps ? Operand{Space::output}
                                   : Operand{Space::arena, 0, (i + 1) % 2 * kSize}};
    operands.shared = 2 * kSize;
    operands.scratch = 3 * kSize;
    program->add("turn", "turn", attributes, operands);
  }
  return program;
}

std::vector<float> outcome(Context& context, int64_t steps, int seed) {
  std::vector<float> x(kSize), y(kSize);
  for (int64_t i = 0; i < kSize; ++i) x[i] = static_cast<float>((i * 37 + seed * 101) % 1009);
  const float* in[] = {x.data()};
  float* out[] = {y.data()};
  context.run(in, out, 0, steps);
  return y;
}

int count_wrong(int callers, int repeats) {
  constexpr int kSteps = 40;
  std::vector<std::unique_ptr<Program>> programs;
  for (const int team : {1, 2, 3, 4, 7}) programs.push_back(make_program(team, kSteps));
  std::vector<std::vector<float>> want;
  Context alone(*programs[0]);
  for (int seed = 0; seed < 8; ++seed) want.push_back(outcome(alone, kSteps, seed));
  std::vector<int> wrong(callers);
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      std::vector<std::unique_ptr<Context>> contexts;
      for (const auto& program : programs) contexts.push_back(std::make_unique<Context>(*program));
      for (int i = 0; i < repeats; ++i) {
        Context& context = *contexts[(caller + i / 8) % contexts.size()];
        if (outcome(context, kSteps, i % 8) != want[i % 8]) ++wrong[caller];
        // Sometimes long enough for the workers to fall asleep.
        if (i % 64 == 63) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (i % 97 == 96) parallel_for(9, [](int64_t, int64_t, int) {});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  int all = 0;
  for (const int count : wrong) all += count;
  return all;
}

}  // namespace

const StepKind& find_step_kind(const std::string&) {
  static const StepKind turn{"turn", nullptr, make_turn, nullptr};
  return turn;
}

}  // namespace striate

int main(int argc, char** argv) {
  const int repeats = argc > 1 ? std::atoi(argv[1]) : 2000;
  for (const int callers : {1, 4}) {
    const int wrong = striate::count_wrong(callers, repeats);
    std::printf("%d callers, %d calls each: %d wrong\n", callers, repeats, wrong);
    if (wrong != 0) return 1;
  }
}
