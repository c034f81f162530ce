"""The linear layer: torch.nn's, with errors that tell where its input came from."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from ..errors import ShapeError
from ..functional._axes import TORCH_ERRORS, check_like
from ._checks import check_positive, check_tensor
from ._layer import located


class Linear(nn.Linear):
    """Multiply by a learned matrix and add a learned vector: torch.nn.Linear.

    y[n,o] = sum over j of weight[o,j] * x[n,j] + bias[o]

    Args:
        in_features, out_features: Numbers read and written.
        bias: Add one learned number per output.
    Shape:
        input (*, in_features), weight (out_features, in_features), output (*, out_features).
    Raises:
        ShapeError: Another number of features; it tells which map they were flattened from.
    Example:
        >>> Linear(400, 120)(torch.zeros(1, 16, 4, 4).flatten(1))
        Traceback (most recent call last):
        ...
        striate.errors.ShapeError: Linear: input (1, 256) has 256 features = 16 x 4 x 4 (the
        flattened map (1, 16, 4, 4)); in_features=400 = 16 x 5 x 5. Use an input whose map here is
        5x5, or build the layer with in_features=256.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_positive(type(self).__name__, in_features=in_features, out_features=out_features)
        super().__init__(in_features, out_features, bias, device, dtype)

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Multiply (*, in_features)."""
        try:
            output = super().forward(input)
        except TORCH_ERRORS:
            if isinstance(input, Tensor):
                self._explain(input)
            check_tensor(input, type(self).__name__)
            raise
        return output

    def _explain(self, input: Tensor) -> None:
        subject, needed = type(self).__name__, self.in_features
        given = input.shape[-1] if input.dim() else 0
        if given == needed:
            check_like(input, self.weight, "weight", subject)
            return
        if input.dim() > 2 and math.prod(input.shape[1:]) == needed:
            raise ShapeError(
                f"input {tuple(input.shape)} is a map of {_product(input.shape[1:])} = {needed} "
                f"numbers, which the layer reads in a row. Flatten it with x.flatten(1) or "
                f"nn.Flatten().",
                subject=subject,
            )
        has, needs = f"{given} features", f"in_features={needed}"
        advice = f"Build the layer with in_features={given}"
        if origin := _flattened_from(input):
            has += f" = {_product(origin[1:])} (the flattened map {origin})"
            if sizes := _sizes_with(origin[1], needed, len(origin) - 2):
                needs += f" = {_product((origin[1], *sizes))}"
                size = "x".join(map(str, sizes))
                advice = f"Use an input whose map here is {size}, or b{advice[1:]}"
        raise ShapeError(
            f"input {tuple(input.shape)} has {has}; {needs}. {advice}.", subject=subject
        )


def _flattened_from(input: Tensor) -> tuple[int, ...] | None:
    """The shape (N, C, ...) of the map that (N, features) is a flat view of, where torch knows."""
    base = input._base
    if input.dim() != 2 or base is None or base.dim() < 3:
        return None
    return tuple(base.shape) if base.numel() == input.numel() and len(base) == len(input) else None


def _sizes_with(channels: int, features: int, ndim: int) -> tuple[int, ...] | None:
    """The equal sides of a map that has these channels and this many numbers."""
    side = round((features / channels) ** (1 / ndim))
    return (side,) * ndim if channels * side**ndim == features else None


def _product(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))
