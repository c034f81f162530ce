#include "engine/pack.hpp"

#include <cstdlib>
#include <utility>

namespace striate {

Filters FilterSizes::at(const float* first) const {
  const int64_t row = taps[2], plane = taps[1] * row, channel = taps[0] * plane;
  return {first, outputs * channels * channel, channels * channel, channel, {plane, row, 1}};
}

Lying lying(const Attributes& a, const FilterSizes& sizes) {
  Lying found;
  found.filters = sizes.at(nullptr);
  found.floats = sizes.floats();
  if (!a.has("filters") || found.floats == 0) return found;
  const int64_t size[6] = {sizes.groups,  sizes.outputs, sizes.channels,
                           sizes.taps[0], sizes.taps[1], sizes.taps[2]};
  int64_t stride[6];
  a.integers("filters", stride, 6, -kMaxSize, kMaxSize);
  found.filters = {nullptr, stride[0], stride[1], stride[2], {stride[3], stride[4], stride[5]}};
  found.start = a.integer("filters_start", 0, int64_t{1} << 48);
  int64_t before = 0, behind = 0;
  for (int i = 0; i < 6; ++i) {
    const int64_t reach = checked_product(a, {size[i] - 1, std::abs(stride[i])});
    (stride[i] < 0 ? before : behind) += reach;
  }
  if (before > found.start) a.fail("filters_start and filters lead in front of the weights.");
  found.floats = found.start + behind + 1;
  return found;
}

namespace {

constexpr const char* kKernel = "pack";

class PackStep final : public Step {
 public:
  PackStep(std::unique_ptr<Step> reader, const Attributes& attributes)
      : reader_(std::move(reader)), lying_(lying(attributes, reader_->filters())) {
    needs_.tasks[0] = reader_->needs().pack_tasks;
    extents_.in = {lying_.floats};
    extents_.out = {reader_->needs().weight_floats};
    extents_.plain_in = 1;
  }

  const Needs& needs() const override { return needs_; }
  const Extents& extents() const override { return extents_; }
  FilterSizes filters() const override { return {}; }
  void pack(const Filters&, float*, int64_t, int64_t) const override {}
  double seconds() const override {
    constexpr double kFloats = 1e9;  // a second
    return static_cast<double>(extents_.in[0] + extents_.out[0]) / kFloats;
  }
  void run(const Buffers& buffers, int, int64_t first, int64_t stop) const override {
    Filters filters = lying_.filters;
    filters.first = buffers.in[0] + lying_.start;
    reader_->pack(filters, buffers.out[0], first, stop);
  }

 private:
  std::unique_ptr<Step> reader_;
  Lying lying_;
  Needs needs_;
  Extents extents_;
};

std::unique_ptr<Step> make(const Target& target, const std::string& kernel,
                           const Attributes& attributes, int threads) {
  if (kernel != kKernel) attributes.fail("there is no kernel '" + kernel + "'.");
  const std::string kind = attributes.word("packs", "");
  if (kind == "pack") attributes.fail("it packs for a step that reads weights.");
  std::unique_ptr<Step> reader =
      find_step_kind(kind).make(target, attributes.word("packs_for", ""), attributes, threads);
  return std::make_unique<PackStep>(std::move(reader), attributes);
}

}  // namespace

StepKind pack_step_kind() {
  return {kKernel,
          [](const Target&, const Attributes&) { return std::vector<std::string>{kKernel}; }, make,
          [](const Target&) { return std::vector<std::string>{kKernel}; }};
}

}  // namespace striate
