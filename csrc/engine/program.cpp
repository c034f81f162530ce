#include "engine/program.hpp"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>
#include <utility>

#include "threads/parallel.hpp"

namespace striate {
namespace {

constexpr int64_t kAlignedFloats = 16;  // 64 bytes

// Below this a step is not shared: handing over its maps from core to core takes as long. Nor is
// one whose last phase is one task, below a longer time: one thread would prepare for another.
constexpr double kWholeSeconds = 1e-6;
constexpr double kLastSeconds = 50e-6;
// Below this a program is not shared, and below that no thread is woken for it: measured on chains
// of small convolutions, which these rough times take for about twice as long as they are.
constexpr double kAloneSeconds = 40e-6;
constexpr double kWakeSeconds = 250e-6;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

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
                       operand.offset % target_.lanes == 0;  // a part of a map, block by block
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
  // Kernels keep places there that they read from: a damaged plan must not write over them.
  const auto keep_apart = [&](int64_t own, int64_t own_floats, const std::vector<Operand>& given,
                              const std::vector<int64_t>& floats) {
    for (size_t i = 0; i < given.size(); ++i) {
      if (given[i].space == Space::arena && own < given[i].offset + floats[i] &&
          given[i].offset < own + own_floats) {
        attributes.fail("its scratch lies where an operand does.");
      }
    }
  };
  for (const auto& [own, own_floats] :
       {std::pair{operands.shared, needs.shared_floats},
        std::pair{operands.scratch, needs.thread_floats * threads_}}) {
    if (own_floats == 0) continue;
    keep_apart(own, own_floats, operands.in, extents.in);
    keep_apart(own, own_floats, operands.out, extents.out);
    keep_apart(own, own_floats, operands.weight, extents.weight);
  }
  add_phases(*step);
  const auto outside = [](const std::vector<Operand>& given) {
    return std::any_of(given.begin(), given.end(), [](const Operand& operand) {
      return operand.space == Space::input || operand.space == Space::output;
    });
  };
  const bool any = outside(operands.in) || outside(operands.out);
  steps_.push_back({std::move(step), std::move(operands), any});
}

void Program::settle() {
  alone_ = shared_seconds_.back() < kAloneSeconds;
}

void Program::add_phases(const Step& step) {
  const Needs& needs = step.needs();
  const int64_t most = *std::max_element(needs.tasks, needs.tasks + needs.phases);
  const double seconds = step.seconds();
  const bool last = needs.tasks[needs.phases - 1] <= 1 && seconds < kLastSeconds;
  const bool whole = threads_ == 1 || most <= 1 || last || seconds < kWholeSeconds;
  for (int phase = 0; phase < (whole ? 1 : needs.phases); ++phase) {
    Phase p{steps(), phase, 1, 1, whole};
    if (!whole) {
      p.tasks_of_unit = needs.tasks[phase] / kMostTasks + 1;
      p.tasks = (needs.tasks[phase] + p.tasks_of_unit - 1) / p.tasks_of_unit;
      if (p.tasks == 0) continue;
    }
    phases_.push_back(p);
  }
  if (static_cast<int64_t>(phases_.size()) >= kMostPhases) {
    throw std::invalid_argument("a program has at most " + std::to_string(kMostPhases) +
                                " phases.");
  }
  first_phase_.push_back(static_cast<int64_t>(phases_.size()));
  shared_seconds_.push_back(shared_seconds_.back() + (whole ? 0 : seconds));
}

namespace {

// Memory in pages of 2 MiB where the system gives them: an arena's maps are many pages apart, more
// than the core remembers the places of.
float* allocate(size_t floats) {
  constexpr size_t kHugePage = size_t{1} << 21;
  const size_t bytes = floats * sizeof(float);
  const bool huge = bytes >= 2 * kHugePage;
  void* found = nullptr;
  if (posix_memalign(&found, huge ? kHugePage : 64, bytes) != 0) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (huge) madvise(found, bytes, MADV_HUGEPAGE);
#endif
  return static_cast<float*>(found);
}

}  // namespace

void Context::Free::operator()(float* p) const {
  std::free(p);
}

Context::Context(const Program& program)
    : program_(program), buffers_(program.steps_.size()), tasks_(program.threads_) {
  const size_t floats = static_cast<size_t>(program.arena_floats_ + kAlignedFloats - 1) /
                        kAlignedFloats * kAlignedFloats;
  if (floats > 0) {
    arena_.reset(allocate(floats));
  }
  for (int64_t step = 0; step < program.steps(); ++step) {
    if (!program.steps_[step].outside) bind(step, nullptr, nullptr);
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

void Context::run(const float* const* inputs, float* const* outputs, int64_t first, int64_t stop) {
  if (first < 0 || stop > program_.steps() || first >= stop) return;
  for (int64_t step = first; step < stop; ++step) {
    if (program_.steps_[step].outside) bind(step, inputs, outputs);
  }
  if (program_.alone_) {
    for (int64_t step = first; step < stop; ++step) run_whole(step, 0);
    return;
  }
  const auto& phases = program_.phases_;
  const int64_t begin = program_.first_phase_[first], behind = program_.first_phase_[stop];
  int64_t end = behind;
  // What is whole in front is done while the others wake up.
  while (begin < end && phases[end - 1].whole) --end;
  if (begin < end) {
    const double seconds = program_.shared_seconds_[stop] - program_.shared_seconds_[first];
    tasks_.begin(begin);
    offer_team(program_.threads_, seconds > kWakeSeconds,
               [&](int64_t, int64_t, int thread) { work(thread, end); });
  }
  while (end < behind) run_whole(phases[end++].step, 0);
}

// A step on one thread: outside of a team, or as a single task.
void Context::run_whole(int64_t step, int thread) {
  const Step& work = *program_.steps_[step].step;
  const Needs& needs = work.needs();
  Buffers buffers = buffers_[step];
  buffers.scratch += needs.thread_floats * thread;
  for (int i = 0; i < needs.phases; ++i) work.run(buffers, i, 0, needs.tasks[i]);
}

void Context::run_tasks(const Program::Phase& phase, const TaskRange& range, int thread) {
  const Step& step = *program_.steps_[phase.step].step;
  const Needs& needs = step.needs();
  Buffers buffers = buffers_[phase.step];
  buffers.scratch += needs.thread_floats * thread;
  step.run(buffers, phase.phase, range.first * phase.tasks_of_unit,
           std::min(range.stop * phase.tasks_of_unit, needs.tasks[phase.phase]));
}

// What each thread of a team does, from the current phase up to phase `stop`.
void Context::work(int thread, int64_t stop) {
  for (int64_t i; (i = tasks_.current()) < stop;) {
    const Program::Phase& phase = program_.phases_[i];
    int64_t next = i + 1, done = 0;
    for (TaskRange range; tasks_.take(thread, i, phase.tasks, range);) {
      if (phase.whole) {
        run_whole(phase.step, thread);
        while (next < stop && program_.phases_[next].whole) {
          run_whole(program_.phases_[next++].step, thread);
        }
      } else {
        run_tasks(phase, range, thread);
      }
      done += range.stop - range.first;
    }
    if (done > 0) tasks_.finish(done, phase.tasks, next);
    tasks_.wait(i);
  }
}

std::vector<double> Context::profile(const float* const* inputs, float* const* outputs,
                                     int64_t first, int64_t stop) {
  std::vector<double> times;
  for (int64_t step = first; step < stop; ++step) {
    const Clock::time_point start = Clock::now();
    run(inputs, outputs, step, step + 1);
    times.push_back(seconds_since(start));
  }
  return times;
}

std::vector<double> Context::time(const float* const* inputs, float* const* outputs, int64_t first,
                                  int64_t stop, int64_t repeats) {
  std::vector<double> times;
  for (int64_t i = 0; i < repeats; ++i) {
    const Clock::time_point start = Clock::now();
    run(inputs, outputs, first, stop);
    times.push_back(seconds_since(start));
  }
  return times;
}

}  // namespace striate
