"""Reports on networks: sizes, cost, memory, receptive fields, advice."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..graph import Sizes as Sizes
from ..graph import find_sizes as find_sizes
from ._compare import Comparison as Comparison
from ._compare import compare as compare
from ._field import AxisField as AxisField
from ._inspect import inspect as inspect
from ._memory import Memory as Memory
from ._report import Report as Report
from ._row import Row as Row
from ._unit import Unit as Unit
from ._unit import look_at_unit as look_at_unit

if TYPE_CHECKING:
    from ._effective import check_box as check_box
    from ._effective import effective_field as effective_field
    from ._measure import measure as measure
    from ._measure import saved_bytes as saved_bytes

_NEED_TORCH = {
    "effective_field": "_effective",
    "check_box": "_effective",
    "measure": "_measure",
    "saved_bytes": "_measure",
}


def __getattr__(name: str) -> Any:
    """Import what runs the network in torch when it is first asked for."""
    if name in _NEED_TORCH:
        return getattr(import_module(f".{_NEED_TORCH[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
