"""torch.nn.functional's functions; those with windows also take the paddings torch lacks.

Every other name of torch.nn.functional is reachable here too, so that
`from striate import functional as F` can stand for torch's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _torch as _torch
from ._conv import conv1d as conv1d
from ._conv import conv2d as conv2d
from ._conv import conv3d as conv3d
from ._conv_transpose import conv_transpose1d as conv_transpose1d
from ._conv_transpose import conv_transpose2d as conv_transpose2d
from ._conv_transpose import conv_transpose3d as conv_transpose3d
from ._pool import avg_pool1d as avg_pool1d
from ._pool import avg_pool2d as avg_pool2d
from ._pool import avg_pool3d as avg_pool3d
from ._pool import lp_pool1d as lp_pool1d
from ._pool import lp_pool2d as lp_pool2d
from ._pool import lp_pool3d as lp_pool3d
from ._pool import max_pool1d as max_pool1d
from ._pool import max_pool2d as max_pool2d
from ._pool import max_pool3d as max_pool3d

if TYPE_CHECKING:  # what is not ours is torch's
    from torch.nn.functional import *  # type: ignore[assignment]  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        import torch.nn.functional

        return getattr(torch.nn.functional, name)

    def __dir__() -> list[str]:
        import torch.nn.functional

        return sorted({*globals(), *dir(torch.nn.functional)})
