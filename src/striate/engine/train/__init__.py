"""Training on native kernels: a module that computes its outputs and its gradients with a plan."""

from ._module import CompiledModule as CompiledModule
from ._program import planned_training_bytes as planned_training_bytes
from ._train_step import TrainStep as TrainStep
