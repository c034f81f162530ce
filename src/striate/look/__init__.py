"""Look into a network: its filters, its maps, what its units see; as pictures and as a page.

Example:
    >>> import numpy as np
    >>> import striate
    >>> lenet = striate.look.open_subject("lenet5")
    >>> lenet.run(np.zeros((1, 32, 32)))["c3"].shape
    (16, 10, 10)
"""

from ._field import Field as Field
from ._field import field as field
from ._fields import Fields as Fields
from ._fields import fields as fields
from ._filters import Filters as Filters
from ._filters import filters as filters
from ._maps import LayerMaps as LayerMaps
from ._maps import Maps as Maps
from ._maps import maps as maps
from ._picture import Picture as Picture
from ._subject import Activations as Activations
from ._subject import Subject as Subject
from ._subject import open_subject as open_subject
from .sums import UnitSum as UnitSum
from .sums import unit_sum as unit_sum
