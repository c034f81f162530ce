"""The sum behind one unit: every product of a window's values and weights, and where they lie."""

from ._unit_sum import UnitSum as UnitSum
from ._unit_sum import unit_sum as unit_sum
from ._unit_sum import why_no_sum as why_no_sum
