"""Training on native kernels: a module that computes its outputs and its gradients with a plan."""

from ._module import CompiledModule as CompiledModule
from ._train_step import TrainStep as TrainStep
