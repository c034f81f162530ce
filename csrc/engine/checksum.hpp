// A checksum of large files that runs at memory speed: it finds damage, not forgery.
//
// Eight lanes of 64 bits take every eighth word: lane = rotate(lane ^ word, 29) * odd constant. At
// the end the lanes are folded into one with the length.
#pragma once

#include <cstdint>

namespace striate {

// `bytes` is a multiple of 8.
uint64_t checksum(const void* data, int64_t bytes);

}  // namespace striate
