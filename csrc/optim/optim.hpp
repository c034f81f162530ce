// Updates of an optimizer, number by number, as torch.optim has them: gradients g, parameters p.
//
//   SGD    g += weight_decay * p                    Adam   p *= 1 - lr * weight_decay
//          m  = g in the first step,                       a += (1 - beta1) (g - a)
//               else momentum * m +                        q  = beta2 q + (1 - beta2) g^2
//               (1 - dampening) * g                        top = max(top, q)        (amsgrad)
//          g  = m, or g + momentum * m (nesterov)          p -= lr / (1 - beta1^t) * a /
//          p -= lr * g                                          (sqrt(top) / sqrt(1 - beta2^t) +
//          eps)
//
// Without momentum g stays as it is in SGD; without amsgrad `top` is q.
// Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2 (AdamW).
#pragma once

#include <cstdint>
#include <vector>

namespace striate {

struct Sgd {
  float lr = 0, momentum = 0, kept = 1, weight_decay = 0;  // kept: 1 - dampening
  bool nesterov = false, first = false;
};

struct AdamW {
  float decay = 1;  // 1 - lr * weight_decay
  float average_share = 0, beta2 = 0, square_share = 0;
  float step_size = 0, root_correction = 1, eps = 0;  // lr / (1 - beta1^t), sqrt(1 - beta2^t)
};

// A parameter and what belongs to it, `count` numbers each. `state` is m, or a, q and top; null is
// none.
struct Updated {
  float* parameter;
  const float* gradient;
  float* state[3];
  int64_t count;
};

// Of one target, for numbers first .. stop - 1.
struct Updates {
  void (*sgd)(const Sgd&, const Updated&, int64_t first, int64_t stop);
  void (*adamw)(const AdamW&, const Updated&, int64_t first, int64_t stop);
};

// All of them, in place, on the threads of the pool.
void update(const Sgd& settings, const std::vector<Updated>& all);
void update(const AdamW& settings, const std::vector<Updated>& all);

}  // namespace striate
