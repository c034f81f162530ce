"""A network as one light graph: captured from torch, read from ONNX, or loaded from a file."""

from . import ops as ops
from ._fit import Sizes as Sizes
from ._fit import find_sizes as find_sizes
from ._fit import fitted as fitted
from ._graph import Graph as Graph
from ._graph import Node as Node
from ._infer import FitError as FitError
from ._operation import OPERATIONS as OPERATIONS
from ._operation import Connections as Connections
from ._operation import Operation as Operation
from ._operation import Saved as Saved
from ._reach import SOMEWHERE as SOMEWHERE
from ._reach import WHOLE as WHOLE
from ._reach import Along as Along
from ._sizes import Size as Size
from ._sources import capture as capture
from ._sources import load_onnx as load_onnx
from ._types import TensorType as TensorType
from ._weight import Weight as Weight
