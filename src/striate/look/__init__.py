"""Look into a network: its filters, its maps, what its units see; as pictures and as a page.

Example:
    >>> import numpy as np
    >>> import striate
    >>> lenet = striate.look.open_subject("lenet5")
    >>> lenet.run(np.zeros((1, 32, 32)))["c3"].shape
    (16, 10, 10)
"""

from ._blur import blur_strides as blur_strides
from ._equivariance import Equivariance as Equivariance
from ._equivariance import equivariance as equivariance
from ._field import Field as Field
from ._field import field as field
from ._fields import Fields as Fields
from ._fields import fields as fields
from ._filter_history import FilterHistory as FilterHistory
from ._filters import Filters as Filters
from ._filters import filters as filters
from ._grad_cam import GradCam as GradCam
from ._grad_cam import grad_cam as grad_cam
from ._maps import LayerMaps as LayerMaps
from ._maps import Maps as Maps
from ._maps import maps as maps
from ._maximise import Maximised as Maximised
from ._maximise import maximise as maximise
from ._occlusion import Occlusion as Occlusion
from ._occlusion import occlusion as occlusion
from ._picture import Picture as Picture
from ._saliency import BackProjection as BackProjection
from ._saliency import Saliency as Saliency
from ._saliency import back_project as back_project
from ._saliency import saliency as saliency
from ._sliding import SlidingWindow as SlidingWindow
from ._sliding import sliding_window as sliding_window
from ._sliding_layer import sliding_layer as sliding_layer
from ._subject import Activations as Activations
from ._subject import Subject as Subject
from ._subject import open_subject as open_subject
from ._top import Patch as Patch
from ._top import TopPatches as TopPatches
from ._top import top_patches as top_patches
from ._training import Confusion as Confusion
from ._training import Curves as Curves
from ._training import Training as Training
from ._training import training as training
from .sums import UnitSum as UnitSum
from .sums import unit_sum as unit_sum
