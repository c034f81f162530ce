"""The rules, one family a file; importing a file registers its rules."""

from . import activations as activations
from . import branches as branches
from . import fields as fields
from . import kernels as kernels
from . import linear as linear
from . import norms as norms
from . import parameters as parameters
from . import pooling as pooling
from . import strides as strides
from . import vectors as vectors
