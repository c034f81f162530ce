"""What a layer costs and what it sees, each formula written out with the numbers in it.

Nothing here needs torch. `striate calc` is the same on the command line.
"""

from ._calculation import Calculation as Calculation
from ._calculation import Line as Line
from ._conv import conv as conv
from ._conv_transpose import conv_transpose as conv_transpose
from ._linear import linear as linear
from ._norm import norm as norm
from ._pool import pool as pool
from ._stack import stack as stack
