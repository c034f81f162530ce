"""From a graph to the steps of a plan."""

from ._lower import Lowered as Lowered
from ._lower import lower as lower
from ._training import lower_training as lower_training
