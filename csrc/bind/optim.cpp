// Updates of optimizers on the caller's arrays.
#include "optim/optim.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <iterator>
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

constexpr size_t kMostStates = std::size(Updated{}.state);

// What updates read and write, checked once; it keeps the arrays alive.
struct Parameters {
  Arrays parameters;
  std::vector<Read> gradients;
  std::vector<Arrays> states;
  std::vector<Updated> all;
};

void check(const std::string& name, size_t given, size_t needed, const std::string& what) {
  if (given == needed) return;
  throw std::invalid_argument(name + " holds " + std::to_string(given) + " " + what + "; " +
                              std::to_string(needed) + " are needed, as `parameters` has.");
}

template <typename Some>
void check_sizes(const std::string& name, const Some& arrays, const Arrays& parameters) {
  check(name, arrays.size(), parameters.size(), "arrays");
  for (size_t i = 0; i < arrays.size(); ++i) {
    check(name + "[" + std::to_string(i) + "]", arrays[i].size(), parameters[i].size(), "numbers");
  }
}

void make(Parameters* self, const Arrays& parameters, const std::vector<Read>& gradients,
          const std::vector<Arrays>& states) {
  check_sizes("gradients", gradients, parameters);
  if (states.size() > kMostStates) throw std::invalid_argument("too many states.");
  for (size_t k = 0; k < states.size(); ++k) {
    check_sizes("states[" + std::to_string(k) + "]", states[k], parameters);
  }
  std::vector<Updated> all;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Array& p = parameters[i];
    all.push_back({p.data(), gradients[i].data(), {}, static_cast<int64_t>(p.size())});
    for (size_t k = 0; k < states.size(); ++k) all[i].state[k] = states[k][i].data();
  }
  new (self) Parameters{parameters, gradients, states, std::move(all)};
}

void check_states(const Parameters& p, size_t least, size_t most) {
  if (p.states.size() >= least && p.states.size() <= most) return;
  throw std::invalid_argument(std::to_string(p.states.size()) + " states were given; " +
                              std::to_string(least) + " to " + std::to_string(most) +
                              " are needed.");
}

void sgd_step(const Parameters& p, double lr, double momentum, double dampening,
              double weight_decay, bool nesterov, bool first) {
  check_states(p, momentum != 0, momentum != 0);
  Sgd settings;
  settings.lr = static_cast<float>(lr);
  settings.momentum = static_cast<float>(momentum);
  settings.kept = static_cast<float>(1 - dampening);
  settings.weight_decay = static_cast<float>(weight_decay);
  settings.nesterov = nesterov;
  settings.first = first;
  const ReleaseGil release;
  update(settings, p.all);
}

void adamw_step(const Parameters& p, int64_t step, double lr, double beta1, double beta2,
                double eps, double weight_decay) {
  check_states(p, 2, 3);
  if (step < 1) throw std::invalid_argument("step counts from 1.");
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
  update(settings, p.all);
}

}  // namespace

void bind_optim(nb::module_& m) {
  nb::class_<Parameters>(m, "Parameters", "Float32 arrays that an optimizer updates.")
      .def("__init__", &make, "parameters"_a.noconvert(), "gradients"_a.noconvert(),
           "states"_a.noconvert(),
           "`states` holds, for each array of the optimizer's state, one a parameter.");
  m.def("sgd_step", &sgd_step, "parameters"_a, "lr"_a, "momentum"_a, "dampening"_a,
        "weight_decay"_a, "nesterov"_a, "first"_a,
        "Update in place as torch.optim.SGD does. With momentum there is one state, which is not\n"
        "read in the `first` step; without there is none.");
  m.def("adamw_step", &adamw_step, "parameters"_a, "step"_a, "lr"_a, "beta1"_a, "beta2"_a, "eps"_a,
        "weight_decay"_a,
        "Update in place as torch.optim.AdamW does in step number `step`, counted from 1. The\n"
        "states are the averages, the squares, and with amsgrad the largest squares.");
}

}  // namespace striate::bind
