"""Graphs from torch modules; the only place that knows ATen's operators."""

from ._capture import capture as capture
from ._program import Program as Program
