"""The errors Striate raises: what was given, what is required, what to do."""

from __future__ import annotations

from typing import Self


class StriateError(Exception):
    """Anything Striate refuses; the command line prints its text without a traceback."""


class _SubjectError(StriateError, ValueError):
    """An error that names the layer or function which refuses: `subject: message`."""

    def __init__(self, message: str, *, subject: str = "") -> None:
        super().__init__(f"{subject}: {message}" if subject else message)
        self.message = message
        self.subject = subject

    def of(self, subject: str) -> Self:
        """Say the same of another subject: a layer, say, of the function it called."""
        return type(self)(self.message, subject=subject)


class ShapeError(_SubjectError):
    """Sizes that do not fit together: channels, windows, batches.

    Example:
        >>> from striate import Window
        >>> Window(3, stride=3).output_size(7, exact=True)
        Traceback (most recent call last):
        ...
        striate.errors.ShapeError: a window of 3 with stride 3 does not tile 7 pixels ...
    """


class OptionError(_SubjectError):
    """An argument, other than a shape, that is not one of the accepted values."""


class DataError(StriateError, ValueError):
    """A data set, or one of its files, that is absent, damaged or not what it should be."""


class GraphError(StriateError, ValueError):
    """A network that cannot become a graph, or a file of one that is damaged."""


class PlanError(StriateError, ValueError):
    """A plan that cannot be made or run, or a file of one that is damaged."""


class RunError(StriateError, RuntimeError):
    """A training run that cannot start or go on, or a run folder that cannot be used."""


class MissingExtraError(StriateError, ImportError):
    """An optional package that is needed here and not installed."""
