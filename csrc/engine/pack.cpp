#include "engine/pack.hpp"

#include <utility>

namespace striate {
namespace {

constexpr const char* kKernel = "pack";

class PackStep final : public Step {
 public:
  explicit PackStep(std::unique_ptr<Step> reader) : reader_(std::move(reader)) {
    needs_.tasks[0] = 1;
    extents_.in = {reader_->unpacked_floats()};
    extents_.out = {reader_->needs().weight_floats};
    extents_.plain_in = 1;
  }

  const Needs& needs() const override { return needs_; }
  const Extents& extents() const override { return extents_; }
  int64_t unpacked_floats() const override { return 0; }
  void pack(const float*, float*) const override {}
  double seconds() const override {
    constexpr double kFloats = 1e9;  // a second
    return static_cast<double>(extents_.in[0] + extents_.out[0]) / kFloats;
  }
  void run(const Buffers& buffers, int, int64_t, int64_t) const override {
    reader_->pack(buffers.in[0], buffers.out[0]);
  }

 private:
  std::unique_ptr<Step> reader_;
  Needs needs_;
  Extents extents_;
};

std::unique_ptr<Step> make(const Target& target, const std::string& kernel,
                           const Attributes& attributes, int threads) {
  if (kernel != kKernel) attributes.fail("there is no kernel '" + kernel + "'.");
  const std::string kind = attributes.word("packs", "");
  if (kind == "pack") attributes.fail("it packs for a step that reads weights.");
  return std::make_unique<PackStep>(
      find_step_kind(kind).make(target, attributes.word("packs_for", ""), attributes, threads));
}

}  // namespace

StepKind pack_step_kind() {
  return {kKernel,
          [](const Target&, const Attributes&) { return std::vector<std::string>{kKernel}; }, make,
          [](const Target&) { return std::vector<std::string>{kKernel}; }};
}

}  // namespace striate
