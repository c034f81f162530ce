// Updates of optimizers on the caller's arrays.
#include "optim/optim.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "bind/bind.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace striate::bind {
namespace {

using Array = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Read = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Arrays = std::vector<Array>;

void check(const std::string& name, size_t given, size_t needed, const std::string& what) {
  if (given == needed) return;
  throw std::invalid_argument(name + " holds " + std::to_string(given) + " " + what + "; " +
                              std::to_string(needed) + " are needed, as `parameters` has.");
}

std::vector<Updated> updated(const Arrays& parameters, const std::vector<Read>& gradients) {
  check("gradients", gradients.size(), parameters.size(), "arrays");
  std::vector<Updated> all;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Array& p = parameters[i];
    check("gradients[" + std::to_string(i) + "]", gradients[i].size(), p.size(), "numbers");
    all.push_back({p.data(), gradients[i].data(), {}, static_cast<int64_t>(p.size())});
  }
  return all;
}

void add_state(std::vector<Updated>& all, int state, const Arrays& arrays,
               const std::string& name) {
  check(name, arrays.size(), all.size(), "arrays");
  for (size_t i = 0; i < arrays.size(); ++i) {
    check(name + "[" + std::to_string(i) + "]", arrays[i].size(), all[i].count, "numbers");
    all[i].state[state] = arrays[i].data();
  }
}

void sgd_step(const Arrays& parameters, const std::vector<Read>& gradients, const Arrays& momenta,
              double lr, double momentum, double dampening, double weight_decay, bool nesterov,
              bool first) {
  std::vector<Updated> all = updated(parameters, gradients);
  if (momentum != 0) add_state(all, 0, momenta, "momenta");
  Sgd settings;
  settings.lr = static_cast<float>(lr);
  settings.momentum = static_cast<float>(momentum);
  settings.kept = static_cast<float>(1 - dampening);
  settings.weight_decay = static_cast<float>(weight_decay);
  settings.nesterov = nesterov;
  settings.first = first;
  const ReleaseGil release;
  update(settings, all);
}

void adamw_step(const Arrays& parameters, const std::vector<Read>& gradients,
                const Arrays& averages, const Arrays& squares, const Arrays& largest, int64_t step,
                double lr, double beta1, double beta2, double eps, double weight_decay) {
  if (step < 1) throw std::invalid_argument("step counts from 1.");
  std::vector<Updated> all = updated(parameters, gradients);
  add_state(all, 0, averages, "averages");
  add_state(all, 1, squares, "squares");
  if (!largest.empty()) add_state(all, 2, largest, "largest");
  AdamW settings;
  settings.decay = static_cast<float>(1 - lr * weight_decay);
  settings.average_share = static_cast<float>(1 - beta1);
  settings.beta2 = static_cast<float>(beta2);
  settings.square_share = static_cast<float>(1 - beta2);
  settings.step_size = static_cast<float>(lr / (1 - std::pow(beta1, static_cast<double>(step))));
  settings.root_correction =
      static_cast<float>(std::sqrt(1 - std::pow(beta2, static_cast<double>(step))));
  settings.eps = static_cast<float>(eps);
  const ReleaseGil release;
  update(settings, all);
}

}  // namespace

void bind_optim(nb::module_& m) {
  m.def("sgd_step", &sgd_step, "parameters"_a.noconvert(), "gradients"_a.noconvert(),
        "momenta"_a.noconvert(), "lr"_a, "momentum"_a, "dampening"_a, "weight_decay"_a,
        "nesterov"_a, "first"_a,
        "Update float32 arrays in place as torch.optim.SGD does. `momenta` is empty without\n"
        "momentum; what it holds is not read in the `first` step.");
  m.def("adamw_step", &adamw_step, "parameters"_a.noconvert(), "gradients"_a.noconvert(),
        "averages"_a.noconvert(), "squares"_a.noconvert(), "largest"_a.noconvert(), "step"_a,
        "lr"_a, "beta1"_a, "beta2"_a, "eps"_a, "weight_decay"_a,
        "Update float32 arrays in place as torch.optim.AdamW does in step number `step`, counted\n"
        "from 1. `largest` is empty without amsgrad.");
}

}  // namespace striate::bind
