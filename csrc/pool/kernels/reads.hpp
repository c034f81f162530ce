// What a pooling's windows read along one axis. Only for files that are compiled once a target.
#pragma once

#include "kernels/vector.hpp"
#include "pool/shape.hpp"

namespace striate::STRIATE_TARGET {

// The pixels of an axis that one window reads: first, first + step, ... below stop; all inside.
struct Reads {
  int64_t first, stop, step;
  int64_t count;  // what an average divides by
};

// Steps of d that a span holds. (A division takes as long as the pixels of a small window.)
STRIATE_INLINE int64_t steps_of(int64_t span, int64_t d) {
  return d == 1 ? span : ceil_div(span, d);
}

STRIATE_INLINE Reads reads_of(const PoolShape& s, int axis, int64_t place) {
  const int64_t n = s.in[axis];
  if (s.adaptive) {
    const int64_t first = place * n / s.out[axis];
    const int64_t stop = ceil_div((place + 1) * n, s.out[axis]);
    return {first, stop, 1, stop - first};
  }
  const int64_t d = s.dilation[axis], at = place * s.stride[axis] - s.padding[axis];
  const int64_t from = at < 0 ? least(s.kernel[axis], steps_of(-at, d)) : 0;
  const int64_t to = at < n ? least(s.kernel[axis], steps_of(n - at, d)) : 0;
  int64_t count = most(0, to - from);
  if (s.count_include_pad) {
    const int64_t padded = n + s.padding_after[axis] - at;
    count = padded > 0 ? least(s.kernel[axis], steps_of(padded, d)) : 0;
  }
  return {at + from * d, at + most(from, to) * d, d, count};
}

// The places of an axis, first .. stop - 1, whose windows begin before a pixel and end behind it;
// with a dilation some may step over it.
struct Readers {
  int64_t first, stop;
};

STRIATE_INLINE Readers readers_of(const PoolShape& s, int axis, int64_t pixel) {
  const int64_t n = s.in[axis], m = s.out[axis], stride = s.stride[axis];
  if (s.adaptive) return {pixel * m / n, ceil_div((pixel + 1) * m, n)};
  const int64_t last = pixel + s.padding[axis];  // where the last of them may begin
  const int64_t first = last - (s.kernel[axis] - 1) * s.dilation[axis];
  return {first > 0 ? ceil_div(first, stride) : 0, last < 0 ? 0 : least(m, last / stride + 1)};
}

// The last place whose window lies inside the axis as a whole; -1 where none does.
STRIATE_INLINE int64_t last_inside(const PoolShape& s, int axis) {
  const int64_t room = s.in[axis] - (s.kernel[axis] - 1) * s.dilation[axis] - 1 + s.padding[axis];
  return room < 0 ? -1 : least(s.out[axis] - 1, room / s.stride[axis]);
}

}  // namespace striate::STRIATE_TARGET
