// Programs, contexts and the tables of kernels, for striate.runtime and striate.engine.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>

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
  const FilterSizes filters = step->filters();
  if (static_cast<int64_t>(weight.size()) != filters.floats() ||
      static_cast<int64_t>(packed.size()) < step->needs().weight_floats) {
    throw std::invalid_argument("step '" + kind + "': " + std::to_string(weight.size()) +
                                " weights were given for " + std::to_string(filters.floats()) +
                                ", and room for " + std::to_string(packed.size()) + " where " +
                                std::to_string(step->needs().weight_floats) + " are packed.");
  }
  const ReleaseGil released;
  step->pack(filters.at(weight.data()), packed.data(), 0, step->needs().pack_tasks);
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

  // Memory for a call: such as a former call left, or new.
  std::unique_ptr<Context> take_context() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!idle.empty()) {
        std::unique_ptr<Context> context = std::move(idle.back());
        idle.pop_back();
        return context;
      }
    }
    return std::make_unique<Context>(program);
  }

  void give_back(std::unique_ptr<Context> context) {
    const std::lock_guard<std::mutex> lock(mutex);
    idle.push_back(std::move(context));
  }

  ConstFloats weights;
  std::vector<int64_t> input_floats, output_floats;
  Program program;
  std::mutex mutex;
  std::vector<std::unique_ptr<Context>> idle;
};

struct BoundContext {
  explicit BoundContext(BoundProgram& bound) : bound(bound), context(bound.take_context()) {}
  BoundContext(const BoundContext&) = delete;
  ~BoundContext() { bound.give_back(std::move(context)); }

  // call(inputs, outputs) on the arrays' memory, without the interpreter's lock.
  template <typename Call>
  void with(const std::vector<ConstFloats>& inputs, const std::vector<Floats>& outputs,
            const Call& call) {
    if (inputs.size() != bound.input_floats.size() ||
        outputs.size() != bound.output_floats.size()) {
      throw std::invalid_argument("the program has " + std::to_string(bound.input_floats.size()) +
                                  " inputs and " + std::to_string(bound.output_floats.size()) +
                                  " outputs; " + std::to_string(inputs.size()) + " and " +
                                  std::to_string(outputs.size()) + " were given.");
    }
    std::vector<const float*> in(inputs.size());
    std::vector<float*> out(outputs.size());
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
    call(in.data(), out.data());
  }

  void run_at(const std::vector<uintptr_t>& inputs, const std::vector<uintptr_t>& outputs,
              int64_t first, int64_t stop) {
    if (inputs.size() != bound.input_floats.size() ||
        outputs.size() != bound.output_floats.size()) {
      throw std::invalid_argument("the program has other inputs and outputs.");
    }
    std::vector<const float*> in;
    std::vector<float*> out;
    for (const uintptr_t address : inputs) in.push_back(reinterpret_cast<const float*>(address));
    for (const uintptr_t address : outputs) out.push_back(reinterpret_cast<float*>(address));
    const ReleaseGil released;
    context->run(in.data(), out.data(), first, stop);
  }

  BoundProgram& bound;
  std::unique_ptr<Context> context;
};

// An object's memory, if it is what a call takes: contiguous float32 of the right shape.
class View {
 public:
  View() = default;
  View(const View&) = delete;
  ~View() {
    if (held_) PyBuffer_Release(&buffer_);
  }

  bool open(PyObject* object, const std::vector<Py_ssize_t>& shape, bool written) {
    const int flags = PyBUF_ND | PyBUF_FORMAT | (written ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, &buffer_, flags) != 0) {
      PyErr_Clear();
      return false;
    }
    held_ = true;
    const bool floats = buffer_.format != nullptr && std::strcmp(buffer_.format, "f") == 0;
    return floats && buffer_.ndim == static_cast<int>(shape.size()) &&
           std::equal(shape.begin(), shape.end(), buffer_.shape) &&
           reinterpret_cast<uintptr_t>(buffer_.buf) % alignof(float) == 0;
  }

  float* data() const { return static_cast<float*>(buffer_.buf); }

  bool overlaps(const View& other) const {
    const std::less<const char*> before;
    const char *first = static_cast<char*>(buffer_.buf),
               *theirs = static_cast<char*>(other.buffer_.buf);
    return before(first, theirs + other.buffer_.len) && before(theirs, first + buffer_.len);
  }

 private:
  Py_buffer buffer_;
  bool held_ = false;
};

// All steps of a program at once, with as little as possible around them: a call of a small network
// takes a few microseconds.
class Call {
 public:
  using Shapes = std::vector<std::vector<Py_ssize_t>>;

  Call(BoundProgram& bound, Shapes inputs, Shapes outputs)
      : bound_(bound), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
    if (inputs_.size() != bound.input_floats.size() || inputs_.size() > kMost ||
        outputs_.size() != bound.output_floats.size() || outputs_.size() > kMost) {
      throw std::invalid_argument("the program has other inputs and outputs (at most 8).");
    }
    check(inputs_, bound.input_floats);
    check(outputs_, bound.output_floats);
    const nb::module_ numpy = nb::module_::import_("numpy");
    array_type_ = numpy.attr("ndarray");
    empty_ = numpy.attr("empty");
    dtype_ = numpy.attr("dtype")("float32");
    for (const auto& shape : outputs_) out_shapes_.push_back(nb::tuple(nb::cast(shape)));
  }

  // New outputs: an array, or a tuple of several. None, and nothing is done, where an input is no
  // contiguous float32 array of its shape.
  nb::object run(const nb::args& inputs) {
    View views[kMost];
    if (!open(inputs, inputs_, false, views)) return nb::none();
    const float* in[kMost];
    for (size_t i = 0; i < inputs_.size(); ++i) in[i] = views[i].data();
    return run_on(in);
  }

  // The same into arrays of the caller's. False, and nothing is done, where one does not fit, or
  // lies in the memory of another.
  bool run_into(const nb::tuple& inputs, const nb::tuple& outputs) {
    View from[kMost], to[kMost];
    if (!open(inputs, inputs_, false, from) || !open(outputs, outputs_, true, to)) return false;
    const float* in[kMost];
    float* out[kMost];
    for (size_t i = 0; i < inputs_.size(); ++i) in[i] = from[i].data();
    for (size_t i = 0; i < outputs_.size(); ++i) {
      out[i] = to[i].data();
      for (size_t j = 0; j < inputs_.size(); ++j) {
        if (to[i].overlaps(from[j])) return false;
      }
      for (size_t j = 0; j < i; ++j) {
        if (to[i].overlaps(to[j])) return false;
      }
    }
    try {
      compute(in, out);
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }

  // The same of one input that the caller has checked, by its address.
  nb::object run_from(uintptr_t input) {
    if (inputs_.size() != 1 || input % alignof(float) != 0) return nb::none();
    const float* const in[] = {reinterpret_cast<const float*>(input)};
    return run_on(in);
  }

 private:
  static constexpr size_t kMost = 8;

  // Whether these are just the arrays of these shapes.
  bool open(const nb::tuple& arrays, const Shapes& shapes, bool written, View* views) const {
    if (arrays.size() != shapes.size()) return false;
    for (size_t i = 0; i < shapes.size(); ++i) {
      PyObject* array = arrays[i].ptr();
      if (reinterpret_cast<PyObject*>(Py_TYPE(array)) != array_type_.ptr()) return false;
      if (!views[i].open(array, shapes[i], written)) return false;
    }
    return true;
  }

  void compute(const float* const* in, float* const* out) {
    const ReleaseGil released;
    std::unique_ptr<Context> context = bound_.take_context();
    context->run(in, out, 0, bound_.program.steps());
    bound_.give_back(std::move(context));
  }

  static void check(const Shapes& shapes, const std::vector<int64_t>& floats) {
    for (size_t i = 0; i < shapes.size(); ++i) {
      int64_t size = 1;
      for (const Py_ssize_t n : shapes[i]) size *= n;
      if (size != floats[i]) throw std::invalid_argument("a shape does not fit the program.");
    }
  }

  // None, too, where there is no memory: then the slow way tells what it is needed for.
  nb::object run_on(const float* const* in) {
    try {
      return computed(in);
    } catch (const std::bad_alloc&) {
      return nb::none();
    } catch (nb::python_error& error) {
      if (!error.matches(PyExc_MemoryError)) throw;
      return nb::none();
    }
  }

  nb::object computed(const float* const* in) {
    View views[kMost];
    nb::object results[kMost];
    float* out[kMost];
    for (size_t i = 0; i < outputs_.size(); ++i) {
      results[i] = room(i);
      if (!views[i].open(results[i].ptr(), outputs_[i], true)) return nb::none();
      out[i] = views[i].data();
    }
    compute(in, out);
    if (outputs_.size() == 1) return std::move(results[0]);
    nb::list all;
    for (size_t i = 0; i < outputs_.size(); ++i) all.append(std::move(results[i]));
    return nb::tuple(all);
  }

  // An array for an output. A large one begins at a line: NumPy's begin anywhere, and a vector of a
  // row that lies in two lines is written twice.
  nb::object room(size_t i) {
    const int64_t floats = bound_.output_floats[i];
    if (floats < kLarge) return empty_(out_shapes_[i], dtype_);
    const nb::object memory = empty_(floats + kLineFloats, dtype_);
    View view;
    if (!view.open(memory.ptr(), {floats + kLineFloats}, true)) throw std::bad_alloc();
    const size_t past = reinterpret_cast<uintptr_t>(view.data()) % kLine;
    return array_type_(out_shapes_[i], dtype_, memory, (kLine - past) % kLine);
  }

  static constexpr size_t kLine = 64;
  static constexpr int64_t kLineFloats = kLine / sizeof(float), kLarge = 4096;

  BoundProgram& bound_;
  const Shapes inputs_, outputs_;
  nb::object array_type_, empty_, dtype_;
  std::vector<nb::tuple> out_shapes_;
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
      .def_ro("tile_products", &Needs::tile_products)
      .def_ro("cells", &Needs::cells)
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
      .def(
          "settle", [](BoundProgram& self) { self.program.settle(); },
          "Tell that no step is to come: what is too small to be shared runs on one thread.")
      .def_prop_ro("steps", [](const BoundProgram& self) { return self.program.steps(); })
      .def_prop_ro("threads", [](const BoundProgram& self) { return self.program.threads(); });

  nb::class_<Call>(m, "Call", "Runs a whole program on arrays of given shapes.")
      .def(nb::init<BoundProgram&, Call::Shapes, Call::Shapes>(), "program"_a, "input_shapes"_a,
           "output_shapes"_a, nb::keep_alive<1, 2>())
      .def("run", &Call::run, nb::sig("def run(self, *inputs: object) -> object"),
           "Give the outputs; None where an input is no contiguous float32 array of its shape.")
      .def("run_into", &Call::run_into, "inputs"_a, "outputs"_a,
           "Run into arrays of the caller's; False where one does not fit.")
      .def("run_from", &Call::run_from, "input"_a,
           "Give the outputs from the floats at an address, which nobody checks.");

  nb::class_<BoundContext>(m, "Context", "Memory to run a program in, one call at a time.")
      .def(nb::init<BoundProgram&>(), "program"_a, nb::keep_alive<1, 2>())
      .def(
          "run",
          [](BoundContext& self, const std::vector<ConstFloats>& inputs,
             const std::vector<Floats>& outputs, int64_t first, int64_t stop) {
            self.with(inputs, outputs, [&](const float* const* in, float* const* out) {
              self.context->run(in, out, first, stop);
            });
          },
          "inputs"_a, "outputs"_a, "first"_a, "stop"_a, "Run steps first .. stop - 1.")
      .def(
          "run_at",
          [](BoundContext& self, const std::vector<uintptr_t>& inputs,
             const std::vector<uintptr_t>& outputs, int64_t first,
             int64_t stop) { self.run_at(inputs, outputs, first, stop); },
          "inputs"_a, "outputs"_a, "first"_a, "stop"_a,
          "Run steps first .. stop - 1 on the floats at addresses, which nobody checks: 0 for what "
          "these steps do not touch.")
      .def(
          "profile",
          [](BoundContext& self, const std::vector<ConstFloats>& inputs,
             const std::vector<Floats>& outputs, int64_t first, int64_t stop) {
            std::vector<double> times;
            self.with(inputs, outputs, [&](const float* const* in, float* const* out) {
              times = self.context->profile(in, out, first, stop);
            });
            return times;
          },
          "inputs"_a, "outputs"_a, "first"_a, "stop"_a,
          "Run steps first .. stop - 1 one by one, and give each one's seconds.")
      .def(
          "time",
          [](BoundContext& self, const std::vector<ConstFloats>& inputs,
             const std::vector<Floats>& outputs, int64_t first, int64_t stop, int64_t repeats) {
            std::vector<double> times;
            self.with(inputs, outputs, [&](const float* const* in, float* const* out) {
              times = self.context->time(in, out, first, stop, repeats);
            });
            return times;
          },
          "inputs"_a, "outputs"_a, "first"_a, "stop"_a, "repeats"_a,
          "Run again and again, and give each run's seconds.")
      .def_prop_ro(
          "arena",
          [](BoundContext& self) {
            return nb::ndarray<nb::numpy, float, nb::ndim<1>>(
                self.context->arena(), {static_cast<size_t>(self.bound.program.arena_floats())},
                nb::find(self));
          },
          "The memory itself.");
}

}  // namespace striate::bind
