// How fast this machine is: what measured times are compared with, and choices are made by.
#pragma once

#include <cstdint>

#include "kernels/target.hpp"

namespace striate {

// Multiply-adds from registers on one thread, 2 operations each: the best of several rounds that
// take `seconds` together.
double peak_gflops(const Target& target, double seconds);

// Gigabytes a second at which one thread reads a buffer of so many bytes again and again.
double bandwidth(const Target& target, int64_t bytes, double seconds);

}  // namespace striate
