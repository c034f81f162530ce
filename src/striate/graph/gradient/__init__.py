"""The backward pass as a graph: what training computes, one node after the other."""

from ._differentiate import differentiate as differentiate
from ._training import Mask as Mask
from ._training import Moments as Moments
from ._training import Training as Training
