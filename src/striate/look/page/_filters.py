"""A layer's weights, in slices."""

from __future__ import annotations

import numpy as np

from ._answers import Answer, Ask, Numbers, RequestError
from ._session import Session

MOST_IN = 64
"""Input channels of each filter that are sent."""


def filters(session: Session, ask: Ask) -> Answer:
    """Filters first .. first + count, with the layer's largest magnitude in a header."""
    node = ask.node(session)
    weight = session.subject.weight(node.name)
    if weight is None or weight.ndim < 2:
        raise RequestError(f"{node.name} has no filters.")
    first, count = ask.number("first", 0), ask.number("count", 64)
    largest = float(np.abs(weight).max()) if weight.size else 0.0
    chosen = weight[first : first + count, :MOST_IN]
    return Numbers(chosen, {"X-Limit": repr(largest if np.isfinite(largest) else 0.0)})
