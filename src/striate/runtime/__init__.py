"""Saved plans, run with NumPy alone."""

from ._file import load as load
from ._plan import Plan as Plan
