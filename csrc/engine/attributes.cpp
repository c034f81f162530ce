#include "engine/attributes.hpp"

#include <stdexcept>

namespace striate {

void Attributes::fail(const std::string& why) const {
  throw std::invalid_argument(step_ + ": " + why);
}

const Attributes::Value& Attributes::at(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) fail("the argument " + name + " is missing.");
  return found->second;
}

std::vector<int64_t> Attributes::list(const std::string& name) const {
  const auto* numbers = std::get_if<std::vector<int64_t>>(&at(name));
  if (numbers == nullptr) fail(name + " must be whole numbers.");
  return *numbers;
}

void Attributes::integers(const std::string& name, int64_t* out, int count, int64_t least,
                          int64_t most) const {
  const std::vector<int64_t> numbers = list(name);
  if (static_cast<int>(numbers.size()) != count) {
    fail(name + " must have " + std::to_string(count) + " numbers; it has " +
         std::to_string(numbers.size()) + ".");
  }
  for (int i = 0; i < count; ++i) {
    if (numbers[i] < least || numbers[i] > most) {
      fail(name + "=" + std::to_string(numbers[i]) + " must be from " + std::to_string(least) +
           " to " + std::to_string(most) + ".");
    }
    out[i] = numbers[i];
  }
}

int64_t Attributes::integer(const std::string& name, int64_t least, int64_t most) const {
  int64_t number;
  integers(name, &number, 1, least, most);
  return number;
}

int64_t Attributes::integer(const std::string& name, int64_t least, int64_t most,
                            int64_t otherwise) const {
  return has(name) ? integer(name, least, most) : otherwise;
}

double Attributes::real(const std::string& name, double otherwise) const {
  if (!has(name)) return otherwise;
  const Value& value = at(name);
  if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
    if (reals->size() == 1) return reals->front();
  }
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&value)) {
    if (numbers->size() == 1) return static_cast<double>(numbers->front());
  }
  fail(name + " must be one number.");
}

bool Attributes::flag(const std::string& name) const {
  return has(name) && integer(name, 0, 1) == 1;
}

std::string Attributes::word(const std::string& name, const std::string& otherwise) const {
  if (!has(name)) return otherwise;
  const auto* text = std::get_if<std::string>(&at(name));
  if (text == nullptr) fail(name + " must be a word.");
  return *text;
}

int64_t checked_product(const Attributes& attributes, std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product) || product > (int64_t{1} << 48)) {
      attributes.fail("the sizes are too large to multiply.");
    }
  }
  return product;
}

}  // namespace striate
