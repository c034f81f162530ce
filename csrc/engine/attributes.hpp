// The arguments of a step as they stand in a plan's file: names with whole numbers, reals or words.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace striate {

// Getters throw std::invalid_argument that names the step and the argument.
class Attributes {
 public:
  using Value = std::variant<std::vector<int64_t>, std::vector<double>, std::string>;

  explicit Attributes(std::string step) : step_(std::move(step)) {}
  void set(std::string name, Value value) { values_[std::move(name)] = std::move(value); }

  bool has(const std::string& name) const { return values_.count(name) != 0; }
  // A number from least to most.
  int64_t integer(const std::string& name, int64_t least, int64_t most) const;
  int64_t integer(const std::string& name, int64_t least, int64_t most, int64_t otherwise) const;
  // As many numbers as `out` has room for, each from least to most.
  void integers(const std::string& name, int64_t* out, int count, int64_t least,
                int64_t most) const;
  double real(const std::string& name, double otherwise) const;
  bool flag(const std::string& name) const;  // false where absent
  std::string word(const std::string& name, const std::string& otherwise) const;
  std::vector<int64_t> list(const std::string& name) const;

  [[noreturn]] void fail(const std::string& why) const;

 private:
  const Value& at(const std::string& name) const;

  std::string step_;
  std::map<std::string, Value> values_;
};

// Products that tell instead of overflowing: sizes come from files.
int64_t checked_product(const Attributes& attributes, std::initializer_list<int64_t> factors);

constexpr int64_t kMaxSize = int64_t{1} << 31;  // of one axis

}  // namespace striate
