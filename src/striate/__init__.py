"""Striate: design, train, look into and ship convolutional networks."""

from __future__ import annotations

from .errors import DataError as DataError
from .errors import MissingExtraError as MissingExtraError
from .errors import OptionError as OptionError
from .errors import RunError as RunError
from .errors import ShapeError as ShapeError
from .errors import StriateError as StriateError
from .window import Window as Window

__version__ = "0.1.0"
