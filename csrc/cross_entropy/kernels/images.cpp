// Image by image: the largest logit, the sum of exponentials below it, and what is made of both. A
// task is as many images as make 8192 numbers. Losses are kept, and added up in order at the end.
#include "cross_entropy/shape.hpp"
#include "kernels/lanes.hpp"
#include "kernels/math.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int64_t kTask = 8192, kRun = 256;

int64_t images_of_task(const CrossEntropyShape& s) {
  return most(1, kTask / s.classes);
}

bool fits(const CrossEntropyShape&) {
  return true;
}

Needs needs(const CrossEntropyShape& s, int) {
  Needs needs;
  needs.tasks[0] = ceil_div(s.batch, images_of_task(s));
  if (!s.gradient) {
    needs.shared_floats = ceil_div(s.batch, 16) * 16;
    needs.phases = 2;
    needs.tasks[1] = 1;
  }
  return needs;
}

STRIATE_INLINE Vector load_some(const float* p, int64_t count, float rest) {
  if (count >= kLanes) return load_unaligned(p);
  return first_lanes(count) ? load_first(p, count) : broadcast(rest);
}

// -1 for what is no class.
STRIATE_INLINE int64_t class_of(const CrossEntropyShape& s, float label) {
  if (!(label >= 0 && label < static_cast<float>(s.classes))) return -1;
  const int64_t found = static_cast<int64_t>(label);
  return static_cast<float>(found) == label ? found : -1;
}

struct Row {
  float largest;
  float exponentials;  // sum of exp(x - largest)
  float sum;           // of x - largest
};

Row read_row(const CrossEntropyShape& s, const float* x) {
  Vector largest = broadcast(-kInfinity);
  for (int64_t k = 0; k < s.classes; k += kLanes) {
    largest = max(load_some(x + k, s.classes - k, -kInfinity), largest);  // NaN shows below
  }
  float top = -kInfinity;
  for (int lane = 0; lane < kLanes; ++lane) top = largest[lane] > top ? largest[lane] : top;
  const Vector shift = broadcast(top);
  Vector exponentials{}, sum{};
  for (int64_t k = 0; k < s.classes; k += kLanes) {
    const IntVector used = first_lanes(s.classes - k);
    const Vector v = load_some(x + k, s.classes - k, 0) - shift;
    exponentials += masked(used, exp(v));
    sum += masked(used, v);
  }
  return {top, sum_of_lanes(exponentials), sum_of_lanes(sum)};
}

STRIATE_INLINE float log_of(float x) {
  return log(broadcast(x))[0];
}

float loss_of(const CrossEntropyShape& s, const float* x, float label) {
  const int64_t k = class_of(s, label);
  if (k < 0) return __builtin_nanf("");
  const Row row = read_row(s, x);
  const float mean = row.sum / static_cast<float>(s.classes), own = x[k] - row.largest;
  const float smooth = s.label_smoothing;
  const float target = smooth == 0 ? own : (1 - smooth) * own + smooth * mean;
  return log_of(row.exponentials) - target;
}

void gradient_of(const CrossEntropyShape& s, const float* x, float label, float gy, float* gx) {
  const int64_t own = class_of(s, label);
  const Row row = read_row(s, x);
  const float share = gy / static_cast<float>(s.batch);
  const float smooth = s.label_smoothing / static_cast<float>(s.classes);
  const float bad = own < 0 ? __builtin_nanf("") : 0;
  const Vector shift = broadcast(row.largest), factor = broadcast(1 / row.exponentials);
  for (int64_t k = 0; k < s.classes; k += kLanes) {
    const int64_t left = s.classes - k;
    const Vector part = exp(load_some(x + k, left, 0) - shift) * factor;
    const Vector g = (part - smooth + bad) * share;
    if (left >= kLanes) {
      store_unaligned(gx + k, g);
    } else {
      store_first(gx + k, g, left);
    }
  }
  if (own >= 0) gx[own] -= (1 - s.label_smoothing) * share;
}

// Their mean, added up in runs.
float mean_of(const float* losses, int64_t count) {
  float total = 0;
  for (int64_t i = 0; i < count;) {
    float run = 0;
    for (const int64_t stop = least(count, i + kRun); i < stop; ++i) run += losses[i];
    total += run;
  }
  return total / static_cast<float>(count);
}

void run(const CrossEntropyShape& s, const Buffers& b, int phase, int64_t first, int64_t stop) {
  if (phase == 1) {
    b.out[0][0] = mean_of(b.shared, s.batch);
    return;
  }
  const int64_t images = images_of_task(s);
  for (int64_t n = first * images; n < least(s.batch, stop * images); ++n) {
    const float* x = b.in[0] + n * s.classes;
    if (s.gradient) {
      gradient_of(s, x, b.in[1][n], b.in[2][0], b.out[0] + n * s.classes);
    } else {
      b.shared[n] = loss_of(s, x, b.in[1][n]);
    }
  }
}

}  // namespace

extern const Kernel<CrossEntropyShape> cross_entropy_images;
const Kernel<CrossEntropyShape> cross_entropy_images = {"images", fits, needs, nullptr, run};

}  // namespace striate::STRIATE_TARGET
