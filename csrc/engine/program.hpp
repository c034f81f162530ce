// A program: the steps of a plan in the order they run, and where their operands lie.
//
// It is built once, step by step; each step's operands are checked against the memory they lie in,
// so that no plan file can make a kernel read or write elsewhere. It runs in a Context, which owns
// the arena: a program may run in several contexts at the same time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/step.hpp"
#include "engine/tasks.hpp"
#include "kernels/target.hpp"

namespace striate {

enum class Space { none, arena, weights, input, output };

// `offset` floats behind the start of a space; `index` says which input or output.
struct Operand {
  Space space = Space::none;
  int index = 0;
  int64_t offset = 0;
};

struct Operands {
  std::vector<Operand> in, out, weight;
  int64_t shared = 0, scratch = 0;  // in the arena
};

class Program {
 public:
  // `weights` are weight_floats numbers that outlive the program, 64-byte aligned.
  Program(const Target& target, int threads, int64_t arena_floats, const float* weights,
          int64_t weight_floats, std::vector<int64_t> input_floats,
          std::vector<int64_t> output_floats);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Throws std::invalid_argument where an operand does not lie in its space.
  void add(const std::string& kind, const std::string& kernel, const Attributes& attributes,
           Operands operands);

  // Behind the last step: a program too small to be shared runs on its caller's thread.
  void settle();

  int threads() const { return threads_; }
  int64_t arena_floats() const { return arena_floats_; }
  int64_t steps() const { return static_cast<int64_t>(steps_.size()); }

 private:
  friend class Context;

  struct Placed {
    std::unique_ptr<Step> step;
    Operands operands;
    bool outside;  // an operand is the caller's
  };

  // A phase of a step, or all phases of one that is too short to be shared: one task then.
  struct Phase {
    int64_t step;
    int phase;
    int64_t tasks;
    int64_t tasks_of_unit;  // what threads take at least: more than 1 only of millions
    bool whole;
  };

  void add_phases(const Step& step);
  void check(const std::string& name, const Operand& operand, int64_t floats, bool written,
             bool plain) const;

  const Target& target_;
  int threads_;
  int64_t arena_floats_;
  const float* weights_;
  int64_t weight_floats_;
  std::vector<int64_t> input_floats_, output_floats_;
  bool alone_ = false;
  std::vector<Placed> steps_;
  std::vector<Phase> phases_;
  std::vector<int64_t> first_phase_{0};      // of each step, and behind the last
  std::vector<double> shared_seconds_{0.0};  // rough, of the shared steps before each
};

// Memory to run a program in. One call at a time.
class Context {
 public:
  explicit Context(const Program& program);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Run steps first .. stop - 1.
  void run(const float* const* inputs, float* const* outputs, int64_t first, int64_t stop);

  // Run them one by one, and give each step's seconds.
  std::vector<double> profile(const float* const* inputs, float* const* outputs, int64_t first,
                              int64_t stop);

  // Seconds of each of so many runs of steps first .. stop - 1.
  std::vector<double> time(const float* const* inputs, float* const* outputs, int64_t first,
                           int64_t stop, int64_t repeats);

  float* arena() { return arena_.get(); }

 private:
  struct Free {
    void operator()(float* p) const;
  };

  const float* address(const Operand& operand, const float* const* inputs,
                       float* const* outputs) const;
  void bind(int64_t step, const float* const* inputs, float* const* outputs);
  void run_whole(int64_t step, int thread);
  void run_tasks(const Program::Phase& phase, const TaskRange& range, int thread);
  void work(int thread, int64_t stop);

  const Program& program_;
  std::unique_ptr<float[], Free> arena_;
  std::vector<Buffers> buffers_;  // of each step
  Tasks tasks_;
};

}  // namespace striate
