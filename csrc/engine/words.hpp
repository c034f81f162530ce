// Arguments that are one of some words.
#pragma once

#include <string>

#include "engine/attributes.hpp"

namespace striate {

// The place of the argument `name` among `words`.
template <typename Value, int N>
Value one_of(const Attributes& attributes, const std::string& name, const char* const (&words)[N],
             Value otherwise) {
  if (!attributes.has(name)) return otherwise;
  const std::string given = attributes.word(name, "");
  std::string known;
  for (int i = 0; i < N; ++i) {
    if (given == words[i]) return static_cast<Value>(i);
    known += std::string(i ? ", " : "") + words[i];
  }
  attributes.fail(name + " '" + given + "' is not known; " + known + " are.");
}

}  // namespace striate
