"""Passes from graph to graph: fold what can be folded before a network runs."""

from ._activations import name_activations as name_activations
from ._change import Change as Change
from ._compose import compose_layers as compose_layers
from ._constants import fold_constants as fold_constants
from ._constants import fold_constants_here as fold_constants_here
from ._constants import round_weights as round_weights
from ._dead import remove_dead as remove_dead
from ._dead import share_common as share_common
from ._dense import write_plainly as write_plainly
from ._fold_back import fold_into_producer as fold_into_producer
from ._fold_forward import fold_into_consumers as fold_into_consumers
from ._identity import merge_views as merge_views
from ._identity import remove_identities as remove_identities
from ._identity import remove_identities_here as remove_identities_here
from ._merge_affine import merge_affine as merge_affine
from ._merge_affine import plain_batch_norm as plain_batch_norm
from ._norms import name_global_pools as name_global_pools
from ._norms import name_layer_norms as name_layer_norms
from ._optimize import PASSES as PASSES
from ._optimize import optimize as optimize
from ._pad import fold_pads as fold_pads
from ._sums import merge_sums as merge_sums
