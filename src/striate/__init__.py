"""Striate: design, train, look into and ship convolutional networks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import DataError as DataError
from .errors import GraphError as GraphError
from .errors import MissingExtraError as MissingExtraError
from .errors import OptionError as OptionError
from .errors import PlanError as PlanError
from .errors import RunError as RunError
from .errors import ShapeError as ShapeError
from .errors import StriateError as StriateError
from .window import Window as Window

if TYPE_CHECKING:
    from . import calc as calc
    from . import data as data
    from . import engine as engine
    from . import filters as filters
    from . import functional as functional
    from . import graph as graph
    from . import inspection as inspection
    from . import look as look
    from . import nn as nn
    from . import runtime as runtime
    from . import signal as signal
    from . import train as train
    from . import zoo as zoo
    from ._threads import get_num_threads as get_num_threads
    from ._threads import set_num_threads as set_num_threads
    from .engine import compile as compile
    from .graph import Graph as Graph
    from .graph import capture as capture
    from .graph import load_onnx as load_onnx
    from .inspection import inspect as inspect
    from .signal import convolve as convolve
    from .signal import correlate as correlate

__version__ = "0.1.0"

# Imported when first asked for: most need torch, which takes a second to import.
_PARTS = (
    "calc",
    "data",
    "engine",
    "filters",
    "functional",
    "graph",
    "inspection",
    "look",
    "nn",
    "runtime",
    "signal",
    "train",
    "zoo",
)
_FUNCTIONS = {
    "Graph": "graph",
    "capture": "graph",
    "inspect": "inspection",
    "load_onnx": "graph",
    "compile": "engine",
    "convolve": "signal",
    "correlate": "signal",
    "get_num_threads": "_threads",  # the native core
    "set_num_threads": "_threads",
}


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return import_module(f".{name}", __name__)
    if name in _FUNCTIONS:
        return getattr(import_module(f".{_FUNCTIONS[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PARTS, *_FUNCTIONS})
