#include "engine/program.hpp"

#include <chrono>
#include <cstdlib>
#include <new>
#include <utility>

#include "engine/tasks.hpp"
#include "threads/parallel.hpp"

namespace striate {
namespace {

constexpr int64_t kAlignedFloats = 16;  // 64 bytes

using Clock = std::chrono::steady_clock;

}  // namespace

Program::Program(const Target& target, int threads, int64_t arena_floats, const float* weights,
                 int64_t weight_floats, std::vector<int64_t> input_floats,
                 std::vector<int64_t> output_floats)
    : target_(target),
      threads_(threads),
      arena_floats_(arena_floats),
      weights_(weights),
      weight_floats_(weight_floats),
      input_floats_(std::move(input_floats)),
      output_floats_(std::move(output_floats)) {
  if (threads < 1 || threads > kMaxThreads || arena_floats < 0 ||
      arena_floats > (int64_t{1} << 40)) {
    throw std::invalid_argument("a program needs 1 to 1024 threads and an arena below 4 TiB.");
  }
}

void Program::check(const std::string& name, const Operand& operand, int64_t floats, bool written,
                    bool plain) const {
  int64_t size = 0;
  bool placed = true;
  switch (operand.space) {
    case Space::none:
      placed = floats == 0;
      break;
    case Space::arena:
      size = arena_floats_;
      break;
    case Space::weights:
      size = weight_floats_;
      placed = !written;
      break;
    case Space::input:
    case Space::output: {
      const auto& sizes = operand.space == Space::input ? input_floats_ : output_floats_;
      placed = plain && operand.index >= 0 && operand.index < static_cast<int>(sizes.size()) &&
               !(written && operand.space == Space::input);
      if (placed) size = sizes[operand.index];
      break;
    }
  }
  const bool aligned = operand.space == Space::input || operand.space == Space::output ||
                       operand.offset % kAlignedFloats == 0;
  if (!placed || !aligned || floats < 0 || operand.offset < 0 || operand.offset > size ||
      floats > size - operand.offset) {
    throw std::invalid_argument("step '" + name + "': an operand of " + std::to_string(floats) +
                                " numbers at offset " + std::to_string(operand.offset) +
                                " does not lie in its memory of " + std::to_string(size) + ".");
  }
}

void Program::add(const std::string& kind, const std::string& kernel, const Attributes& attributes,
                  Operands operands) {
  std::unique_ptr<Step> step = find_step_kind(kind).make(target_, kernel, attributes, threads_);
  const Extents& extents = step->extents();
  const auto check_all = [&](std::vector<Operand>& given, const std::vector<int64_t>& floats,
                             bool written, unsigned plain) {
    if (given.size() > floats.size() || floats.size() > kMaxOperands) {
      attributes.fail("it has more operands than it can take.");
    }
    given.resize(floats.size());
    for (size_t i = 0; i < floats.size(); ++i) {
      check(kind, given[i], floats[i], written, (plain >> i & 1) != 0);
    }
  };
  check_all(operands.in, extents.in, false, extents.plain_in);
  check_all(operands.out, extents.out, true, extents.plain_out);
  check_all(operands.weight, extents.weight, false, 0);
  const Needs& needs = step->needs();
  check(kind, {Space::arena, 0, operands.shared}, needs.shared_floats, true, false);
  check(kind, {Space::arena, 0, operands.scratch}, needs.thread_floats * threads_, true, false);
  if (needs.thread_floats % kAlignedFloats != 0) attributes.fail("its scratch is not aligned.");
  for (int phase = 0; phase < needs.phases; ++phase) {
    if (needs.tasks[phase] >= kMaxTasks) attributes.fail("it has too many tasks.");
  }
  steps_.push_back({std::move(step), std::move(operands)});
}

void Context::Free::operator()(float* p) const {
  std::free(p);
}

Context::Context(const Program& program) : program_(program), buffers_(program.steps_.size()) {
  const size_t floats = static_cast<size_t>(program.arena_floats_ + kAlignedFloats - 1) /
                        kAlignedFloats * kAlignedFloats;
  if (floats > 0) {
    arena_.reset(static_cast<float*>(std::aligned_alloc(64, floats * sizeof(float))));
    if (!arena_) throw std::bad_alloc();
  }
}

const float* Context::address(const Operand& operand, const float* const* inputs,
                              float* const* outputs) const {
  switch (operand.space) {
    case Space::none:
      return nullptr;
    case Space::arena:
      return arena_.get() + operand.offset;
    case Space::weights:
      return program_.weights_ + operand.offset;
    case Space::input:
      return inputs[operand.index] + operand.offset;
    case Space::output:
      return outputs[operand.index] + operand.offset;
  }
  return nullptr;
}

void Context::bind(int64_t step, const float* const* inputs, float* const* outputs) {
  const Operands& operands = program_.steps_[step].operands;
  Buffers& buffers = buffers_[step];
  for (size_t i = 0; i < operands.in.size(); ++i) {
    buffers.in[i] = address(operands.in[i], inputs, outputs);
  }
  for (size_t i = 0; i < operands.out.size(); ++i) {
    buffers.out[i] = const_cast<float*>(address(operands.out[i], inputs, outputs));
  }
  for (size_t i = 0; i < operands.weight.size(); ++i) {
    buffers.weight[i] = address(operands.weight[i], inputs, outputs);
  }
  buffers.shared = arena_.get() + operands.shared;
  buffers.scratch = arena_.get() + operands.scratch;
}

void Context::run(const float* const* inputs, float* const* outputs, int64_t first, int64_t stop,
                  double* times) {
  if (first < 0 || stop > program_.steps() || first >= stop) return;
  for (int64_t step = first; step < stop; ++step) bind(step, inputs, outputs);
  const int team = team_size(program_.threads_);
  Barrier barrier(team);
  Tasks tasks(team);
  run_team(team, [&](int64_t, int64_t, int thread) {
    work(thread, team, first, stop, barrier, tasks, times);
  });
}

std::vector<double> Context::time(const float* const* inputs, float* const* outputs, int64_t first,
                                  int64_t stop, int64_t repeats) {
  std::vector<double> times;
  for (int64_t i = 0; i < repeats; ++i) {
    const Clock::time_point start = Clock::now();
    run(inputs, outputs, first, stop);
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  return times;
}

void Context::work(int thread, int team, int64_t first, int64_t stop, Barrier& barrier,
                   Tasks& tasks, double* times) {
  Clock::time_point start = Clock::now();
  for (int64_t i = first; i < stop; ++i) {
    const Step& step = *program_.steps_[i].step;
    const Needs& needs = step.needs();
    Buffers buffers = buffers_[i];
    buffers.scratch += needs.thread_floats * thread;
    for (int phase = 0; phase < needs.phases; ++phase) {
      if (team == 1) {
        step.run(buffers, phase, 0, needs.tasks[phase]);
        continue;
      }
      tasks.begin(thread, needs.tasks[phase]);
      for (int64_t task; (task = tasks.take(thread)) >= 0;) {
        step.run(buffers, phase, task, task + 1);
      }
      barrier.wait([] {});
    }
    if (times != nullptr && thread == 0) {
      const Clock::time_point now = Clock::now();
      times[i] += std::chrono::duration<double>(now - start).count();
      start = now;
    }
  }
}

}  // namespace striate
