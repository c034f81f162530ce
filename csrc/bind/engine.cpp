// Programs, contexts and the tables of kernels, for striate.runtime and striate.engine.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "bind/bind.hpp"
#include "engine/checksum.hpp"
#include "engine/program.hpp"
#include "engine/speed.hpp"
#include "engine/step.hpp"
#include "kernels/target.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace striate::bind {
namespace {

using Floats = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using ConstFloats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Place = std::tuple<int, int, int64_t>;  // space, index, offset

Attributes attributes_of(const std::string& kind, const nb::dict& given) {
  Attributes attributes("step '" + kind + "'");
  for (const auto& [key, value] : given) {
    const std::string name = nb::cast<std::string>(key);
    if (nb::isinstance<nb::str>(value)) {
      attributes.set(name, nb::cast<std::string>(value));
    } else if (nb::isinstance<nb::float_>(value)) {
      attributes.set(name, std::vector<double>{nb::cast<double>(value)});
    } else if (nb::isinstance<nb::int_>(value)) {  // a bool is one, too
      attributes.set(name, std::vector<int64_t>{nb::cast<int64_t>(value)});
    } else {
      std::vector<int64_t> whole;
      if (nb::try_cast(value, whole)) {
        attributes.set(name, std::move(whole));
      } else {
        std::vector<double> reals;
        if (!nb::try_cast(value, reals)) attributes.fail(name + " is no number, word or list.");
        attributes.set(name, std::move(reals));
      }
    }
  }
  return attributes;
}

std::vector<Operand> operands_of(const std::vector<Place>& places) {
  std::vector<Operand> operands;
  for (const auto& [space, index, offset] : places) {
    if (space < 0 || space > static_cast<int>(Space::output)) {
      throw std::invalid_argument("there is no memory space " + std::to_string(space) + ".");
    }
    operands.push_back({static_cast<Space>(space), index, offset});
  }
  return operands;
}

std::unique_ptr<Step> make_step(const std::string& target, const std::string& kind,
                                const std::string& kernel, const nb::dict& given, int threads) {
  return find_step_kind(kind).make(find_target(target), kernel, attributes_of(kind, given),
                                   threads);
}

void pack(const std::string& target, const std::string& kind, const std::string& kernel,
          const nb::dict& given, const ConstFloats& weight, const Floats& packed) {
  const std::unique_ptr<Step> step = make_step(target, kind, kernel, given, 1);
  if (static_cast<int64_t>(weight.size()) != step->unpacked_floats() ||
      static_cast<int64_t>(packed.size()) < step->needs().weight_floats) {
    throw std::invalid_argument("step '" + kind + "': " + std::to_string(weight.size()) +
                                " weights were given for " +
                                std::to_string(step->unpacked_floats()) + ", and room for " +
                                std::to_string(packed.size()) + " where " +
                                std::to_string(step->needs().weight_floats) + " are packed.");
  }
  const ReleaseGil released;
  step->pack(weight.data(), packed.data());
}

// Keeps what the program's memory belongs to.
struct BoundProgram {
  BoundProgram(const std::string& target, int threads, int64_t arena_floats,
               const ConstFloats& given, std::vector<int64_t> inputs, std::vector<int64_t> outputs)
      : weights(given),
        input_floats(inputs),
        output_floats(outputs),
        program(find_target(target), threads, arena_floats, given.data(),
                static_cast<int64_t>(given.size()), std::move(inputs), std::move(outputs)) {
    if (reinterpret_cast<uintptr_t>(given.data()) % 64 != 0) {
      throw std::invalid_argument("a program's weights must lie at a multiple of 64 bytes.");
    }
  }

  BoundProgram(const BoundProgram&) = delete;

  ConstFloats weights;
  std::vector<int64_t> input_floats, output_floats;
  Program program;
};

struct BoundContext {
  explicit BoundContext(const BoundProgram& bound) : bound(bound), context(bound.program) {}
  BoundContext(const BoundContext&) = delete;

  // call(inputs, outputs) on the arrays' memory, without the interpreter's lock.
  template <typename Call>
  void with(const std::vector<ConstFloats>& inputs, const std::vector<Floats>& outputs,
            const Call& call) {
    const float* in[64];
    float* out[64];
    if (inputs.size() != bound.input_floats.size() || inputs.size() > 64 ||
        outputs.size() != bound.output_floats.size() || outputs.size() > 64) {
      throw std::invalid_argument("the program has other inputs and outputs (at most 64).");
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (static_cast<int64_t>(inputs[i].size()) != bound.input_floats[i]) {
        throw std::invalid_argument("input " + std::to_string(i) + " has the wrong size.");
      }
      in[i] = inputs[i].data();
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (static_cast<int64_t>(outputs[i].size()) != bound.output_floats[i]) {
        throw std::invalid_argument("output " + std::to_string(i) + " has the wrong size.");
      }
      out[i] = outputs[i].data();
    }
    const ReleaseGil released;
    call(in, out);
  }

  void run(const std::vector<ConstFloats>& inputs, const std::vector<Floats>& outputs,
           int64_t first, int64_t stop, double* times = nullptr) {
    with(inputs, outputs, [&](const float* const* in, float* const* out) {
      context.run(in, out, first, stop, times);
    });
  }

  const BoundProgram& bound;
  Context context;
};

}  // namespace

void bind_engine(nb::module_& m) {
  m.def(
      "targets",
      [] {
        std::vector<std::tuple<std::string, int>> found;
        for (const Target* target : targets()) found.emplace_back(target->name, target->lanes);
        return found;
      },
      "List the instruction sets that run here, best first, each with its lanes.");
  m.def(
      "step_kinds",
      [] {
        std::vector<std::string> kinds;
        for (const StepKind& row : step_kinds()) kinds.emplace_back(row.kind);
        return kinds;
      },
      "List the operations that have kernels.");
  m.def(
      "kernels",
      [](const std::string& target, const std::string& kind) {
        return find_step_kind(kind).names(find_target(target));
      },
      "target"_a, "kind"_a, "List an operation's kernels, best first.");
  m.def(
      "candidates",
      [](const std::string& target, const std::string& kind, const nb::dict& attributes) {
        return find_step_kind(kind).candidates(find_target(target),
                                               attributes_of(kind, attributes));
      },
      "target"_a, "kind"_a, "attributes"_a, "List the kernels that compute a shape, best first.");

  nb::class_<Needs>(m, "Needs", "What a kernel needs for one shape, in floats.")
      .def_ro("weight_floats", &Needs::weight_floats)
      .def_ro("shared_floats", &Needs::shared_floats)
      .def_ro("thread_floats", &Needs::thread_floats)
      .def_prop_ro("tasks", [](const Needs& needs) {
        return std::vector<int64_t>(needs.tasks, needs.tasks + needs.phases);
      });
  m.def(
      "needs",
      [](const std::string& target, const std::string& kind, const std::string& kernel,
         const nb::dict& attributes,
         int threads) { return make_step(target, kind, kernel, attributes, threads)->needs(); },
      "target"_a, "kind"_a, "kernel"_a, "attributes"_a, "threads"_a = 1,
      "Tell what a kernel needs for one shape.");
  m.def(
      "extents",
      [](const std::string& target, const std::string& kind, const std::string& kernel,
         const nb::dict& attributes) {
        const Extents e = make_step(target, kind, kernel, attributes, 1)->extents();
        return std::make_tuple(e.in, e.out, e.weight);
      },
      "target"_a, "kind"_a, "kernel"_a, "attributes"_a,
      "Count the floats of each input, output and weight.");
  m.def("pack", &pack, "target"_a, "kind"_a, "kernel"_a, "attributes"_a, "weight"_a, "packed"_a,
        "Write weights as a kernel reads them.");

  m.def(
      "peak_gflops",
      [](const std::string& target, double seconds) {
        return peak_gflops(find_target(target), seconds);
      },
      "target"_a, "seconds"_a = 0.02, nb::call_guard<ReleaseGil>(),
      "Measure one thread's multiply-adds from registers, 2 operations each.");
  m.def(
      "bandwidth",
      [](const std::string& target, int64_t bytes, double seconds) {
        return bandwidth(find_target(target), bytes, seconds);
      },
      "target"_a, "bytes"_a, "seconds"_a = 0.02, nb::call_guard<ReleaseGil>(),
      "Measure the gigabytes a second at which one thread reads a buffer.");
  m.def(
      "checksum",
      [](const ConstFloats& data) {
        const int64_t bytes = static_cast<int64_t>(data.size()) * 4;
        if (bytes % 8 != 0) throw std::invalid_argument("an even number of floats is needed.");
        const ReleaseGil released;
        return checksum(data.data(), bytes);
      },
      "data"_a, "Sum up an array, to find damage in files.");

  nb::class_<BoundProgram>(m, "Program", "The steps of a plan, checked, ready to run.")
      .def(nb::init<const std::string&, int, int64_t, const ConstFloats&, std::vector<int64_t>,
                    std::vector<int64_t>>(),
           "target"_a, "threads"_a, "arena_floats"_a, "weights"_a, "input_floats"_a,
           "output_floats"_a)
      .def(
          "add",
          [](BoundProgram& self, const std::string& kind, const std::string& kernel,
             const nb::dict& attributes, const std::vector<Place>& inputs,
             const std::vector<Place>& outputs, const std::vector<Place>& weights, int64_t shared,
             int64_t scratch) {
            self.program.add(
                kind, kernel, attributes_of(kind, attributes),
                {operands_of(inputs), operands_of(outputs), operands_of(weights), shared, scratch});
          },
          "kind"_a, "kernel"_a, "attributes"_a, "inputs"_a, "outputs"_a, "weights"_a,
          "shared"_a = 0, "scratch"_a = 0, "Add a step; places are (space, index, offset).")
      .def_prop_ro("steps", [](const BoundProgram& self) { return self.program.steps(); })
      .def_prop_ro("threads", [](const BoundProgram& self) { return self.program.threads(); });

  nb::class_<BoundContext>(m, "Context", "Memory to run a program in, one call at a time.")
      .def(nb::init<const BoundProgram&>(), "program"_a, nb::keep_alive<1, 2>())
      .def(
          "run",
          [](BoundContext& self, const std::vector<ConstFloats>& inputs,
             const std::vector<Floats>& outputs, int64_t first,
             int64_t stop) { self.run(inputs, outputs, first, stop); },
          "inputs"_a, "outputs"_a, "first"_a, "stop"_a, "Run steps first .. stop - 1.")
      .def(
          "profile",
          [](BoundContext& self, const std::vector<ConstFloats>& inputs,
             const std::vector<Floats>& outputs, int64_t first, int64_t stop) {
            std::vector<double> times(self.bound.program.steps());
            self.run(inputs, outputs, first, stop, times.data());
            return times;
          },
          "inputs"_a, "outputs"_a, "first"_a, "stop"_a, "Run, and give each step's seconds.")
      .def(
          "time",
          [](BoundContext& self, const std::vector<ConstFloats>& inputs,
             const std::vector<Floats>& outputs, int64_t first, int64_t stop, int64_t repeats) {
            std::vector<double> times;
            self.with(inputs, outputs, [&](const float* const* in, float* const* out) {
              times = self.context.time(in, out, first, stop, repeats);
            });
            return times;
          },
          "inputs"_a, "outputs"_a, "first"_a, "stop"_a, "repeats"_a,
          "Run again and again, and give each run's seconds.")
      .def_prop_ro(
          "arena",
          [](BoundContext& self) {
            return nb::ndarray<nb::numpy, float, nb::ndim<1>>(
                self.context.arena(), {static_cast<size_t>(self.bound.program.arena_floats())},
                nb::find(self));
          },
          "The memory itself.");
}

}  // namespace striate::bind
