"""Reports on networks: sizes, cost, memory, receptive fields, advice."""

from ._field import AxisField as AxisField
from ._inspect import inspect as inspect
from ._memory import Memory as Memory
from ._report import Report as Report
from ._row import Row as Row
