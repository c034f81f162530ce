"""The engine: from a graph to a plan of native steps."""

from ._compile import CompiledPlan as CompiledPlan
from ._compile import compile as compile
from ._compile import planned_bytes as planned_bytes
