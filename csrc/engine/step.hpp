// A step of a program: one operation, its shape, and the kernel that computes it.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/attributes.hpp"
#include "kernels/kernel.hpp"

namespace striate {

struct Target;

// How many floats a step reads or writes behind the address of each operand. A program refuses
// operands that do not lie within their memory.
//
// Kernels load and store blocked maps and weights as whole vectors at aligned addresses. Those of
// the caller's arrays need not be aligned, so that only plain operands may lie there: bit i of
// plain_in is set for in[i], of plain_out for out[i].
struct Extents {
  std::vector<int64_t> in, out, weight;
  unsigned plain_in = 0, plain_out = 0;
};

// The axes of the weights that a step packs; no output where it has none.
struct FilterSizes {
  int64_t groups = 1, outputs = 0, channels = 1;
  int64_t taps[3] = {1, 1, 1};

  int64_t floats() const { return groups * outputs * channels * taps[0] * taps[1] * taps[2]; }
  // Where they lie one behind the other.
  Filters at(const float* first) const;
};

class Step {
 public:
  virtual ~Step() = default;
  virtual const Needs& needs() const = 0;
  virtual const Extents& extents() const = 0;
  virtual FilterSizes filters() const = 0;  // of what `pack` reads
  virtual void pack(const Filters& weight, float* packed, int64_t first, int64_t stop) const = 0;
  // Rough time on one thread: it tells what is not worth sharing.
  virtual double seconds() const = 0;
  virtual void run(const Buffers& buffers, int phase, int64_t first, int64_t stop) const = 0;
};

// An operation: how its arguments become a shape, and which memory that shape touches.
//
//   static constexpr const char* kKind;
//   using Shape = ...;
//   static Shape parse(const Attributes&, int lanes);      throws std::invalid_argument
//   static Extents extents(const Shape&, int lanes);       weight[0] is filled in from Needs
//   static const Kernels<Shape>& kernels(const Target&);
//   static FilterSizes filters(const Shape&);              where kernels pack weights
//   static double macs(const Shape&);                      where they take longer than the memory
template <typename Operation, typename = void>
struct MacsOf {
  static double of(const typename Operation::Shape&) { return 0; }
};
template <typename Operation>
struct MacsOf<Operation, std::void_t<decltype(&Operation::macs)>> {
  static double of(const typename Operation::Shape& shape) { return Operation::macs(shape); }
};

template <typename Operation, typename = void>
struct FiltersOf {
  static FilterSizes of(const typename Operation::Shape&) { return {}; }
};
template <typename Operation>
struct FiltersOf<Operation, std::void_t<decltype(&Operation::filters)>> {
  static FilterSizes of(const typename Operation::Shape& shape) {
    return Operation::filters(shape);
  }
};

template <typename Operation>
class KernelStep final : public Step {
 public:
  using Shape = typename Operation::Shape;

  KernelStep(const Shape& shape, const Kernel<Shape>& kernel, int lanes, int threads)
      : shape_(shape),
        kernel_(kernel),
        needs_(kernel.needs(shape, threads)),
        extents_(Operation::extents(shape, lanes)) {
    if (kernel_.pack != nullptr) extents_.weight.at(0) = needs_.weight_floats;
  }

  const Needs& needs() const override { return needs_; }
  const Extents& extents() const override { return extents_; }
  FilterSizes filters() const override { return FiltersOf<Operation>::of(shape_); }
  void pack(const Filters& weight, float* packed, int64_t first, int64_t stop) const override {
    if (kernel_.pack != nullptr) kernel_.pack(shape_, weight, packed, first, stop);
  }
  double seconds() const override {
    constexpr double kMacs = 30e9, kFloats = 8e9;  // a second, from the caches
    double floats = 0;
    for (const auto& sizes : {extents_.in, extents_.out, extents_.weight}) {
      for (const int64_t size : sizes) floats += static_cast<double>(size);
    }
    return MacsOf<Operation>::of(shape_) / kMacs + floats / kFloats;
  }
  void run(const Buffers& buffers, int phase, int64_t first, int64_t stop) const override {
    kernel_.run(shape_, buffers, phase, first, stop);
  }

 private:
  Shape shape_;
  const Kernel<Shape>& kernel_;
  Needs needs_;
  Extents extents_;
};

// One row of the table of operations.
struct StepKind {
  const char* kind;
  // Names of the kernels that compute these arguments, best first.
  std::vector<std::string> (*candidates)(const Target&, const Attributes&);
  // Throws std::invalid_argument for arguments that are wrong, or that the kernel does not compute.
  std::unique_ptr<Step> (*make)(const Target&, const std::string& kernel, const Attributes&,
                                int threads);
  std::vector<std::string> (*names)(const Target&);  // all kernels
};

const std::vector<StepKind>& step_kinds();
const StepKind& find_step_kind(const std::string& kind);  // throws std::invalid_argument

}  // namespace striate
