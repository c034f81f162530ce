"""Convolution of plain arrays: signals, images and volumes, with NumPy or with torch."""

from ._choice import Choice as Choice
from ._choice import choose_method as choose_method
from ._convolve import convolve as convolve
from ._convolve import correlate as correlate
from ._tiled import correlate_tiles as correlate_tiles
