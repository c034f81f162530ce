"""Augmentation: small random changes that keep the label, on a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import _core
from ..errors import OptionError
from ._random import Draws


@dataclass(frozen=True)
class Augment:
    """Shift, flip, rotate and cut out at random; what comes in from outside is 0.

    Outputs are in raw units, 0..1 before the mean is taken off, so 0 is black, or silence. Each
    sample's numbers depend on the seed, the epoch and its position alone (see `Draws`).

    Args:
        shift: Largest shift along every axis, in pixels (samples of a signal), whole numbers.
            The same as padding by `shift` and cropping at random.
        flip: Mirror half of the images left to right.
        cutout: Side of a square that is blanked, in pixels; its centre is anywhere in the image,
            so that parts of it may fall outside (DeVries and Taylor 2017, arXiv:1708.04552).
        rotate: Largest rotation of an image, in degrees, either way.
        gain: Largest change of a signal's loudness, in decibels, either way.
    Raises:
        OptionError: A negative amount; or, when called, a change that the data cannot have.
    Example:
        >>> import torch
        >>> from striate.data import Draws
        >>> draws = Draws(seed=0, epoch=1, positions=torch.arange(4))
        >>> Augment(shift=2, rotate=10)(torch.rand(4, 1, 32, 32), draws).shape
        torch.Size([4, 1, 32, 32])
    """

    shift: int = 0
    flip: bool = False
    cutout: int = 0
    rotate: float = 0.0
    gain: float = 0.0

    def __post_init__(self) -> None:
        for name in ("shift", "cutout"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise OptionError(f"Augment: {name}={value!r} must be a whole number, 0 or more.")
        for name, limit in (("rotate", 180.0), ("gain", 60.0)):
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise OptionError(f"Augment: {name}={value!r} must be between 0 and {limit:g}.")

    @property
    def active(self) -> bool:
        """Whether anything changes at all."""
        return self != Augment()

    def check(self, input_shape: tuple[int, ...]) -> None:
        """Refuse what inputs of this shape cannot have.

        Raises:
            OptionError: A signal can be neither flipped nor rotated, an image has no loudness.
        """
        axes = len(input_shape) - 1
        kind = {1: "signals", 2: "images", 3: "volumes"}[axes]
        for name, possible in (("flip", axes > 1), ("rotate", axes == 2), ("gain", axes == 1)):
            if getattr(self, name) and not possible:
                raise OptionError(
                    f"Augment: {name}={getattr(self, name)} is not for {kind} of shape "
                    f"{input_shape}. Leave {name} out."
                )
        for name in ("shift", "cutout"):
            if getattr(self, name) >= min(input_shape[1:]) > 0:
                raise OptionError(
                    f"Augment: {name}={getattr(self, name)} can blank a whole input of shape "
                    f"{input_shape}; it must be less than {min(input_shape[1:])}."
                )

    def __call__(self, inputs: Tensor, draws: Draws) -> Tensor:
        """Change a batch of floats in 0..1, or of bytes 0..255, which become such.

        Shape:
            inputs (N, C, ...), output the same.
        """
        self.check(tuple(inputs.shape[1:]))
        if self.rotate:
            inputs = _turn(inputs, draws, self.rotate, self.shift)
        else:
            inputs = to_unit(inputs)
            inputs = _shift(inputs, draws, self.shift) if self.shift else inputs
        if self.flip:
            chosen = _per_sample(draws.uniform("flip") < 0.5, inputs)
            inputs = torch.where(chosen, inputs.flip(-1), inputs)
        if self.cutout:
            inputs = _cutout(inputs, draws, self.cutout)
        if self.gain:
            decibels = draws.between("gain", -self.gain, self.gain)
            inputs = inputs * _per_sample(10 ** (decibels / 20), inputs).to(inputs.dtype)
        return inputs


def to_unit(inputs: Tensor) -> Tensor:
    """Scale uint8 0..255 to float32 0..1; float32 passes."""
    return inputs.float().div_(255) if inputs.dtype == torch.uint8 else inputs


def _per_sample(values: Tensor, inputs: Tensor) -> Tensor:
    """Give one value a sample the axes of the batch."""
    return values.view(-1, *[1] * (inputs.dim() - 1)).to(inputs.device)


def _shift(inputs: Tensor, draws: Draws, most: int) -> Tensor:
    """Shift by whole pixels: pad by `most`, then take one of the windows that fit, as a view."""
    size = inputs.shape[2:]
    windows = F.pad(inputs, [most] * 2 * len(size))
    for axis, n in enumerate(size):  # (N, C, places along each axis, the window itself)
        windows = windows.unfold(axis + 2, n, 1)
    starts = [draws.integers(f"shift {axis}", 0, 2 * most) for axis in range(len(size))]
    chosen: tuple[Tensor | slice, ...] = (torch.arange(len(inputs)), slice(None), *starts)
    return windows[chosen]


def _turn(images: Tensor, draws: Draws, most: float, shift: int) -> Tensor:
    """Rotate about the centre, bilinear, and shift by whole pixels, in one pass.

    Places are counted in pixels from the centre, so that oblong images stay true: what comes to p
    is what lies at R(p + shift).
    """
    angle = torch.deg2rad(draws.between("rotate", -most, most))
    down, right = (_shifts(draws, axis, shift) for axis in range(2))
    turns = torch.stack([angle.cos(), angle.sin(), down, right], dim=1).float()
    given = images if images.dtype == torch.uint8 else images.float()
    turned = torch.empty(images.shape)
    _core.rotate_images(given.detach().cpu().contiguous().numpy(), turns.numpy(), turned.numpy())
    return turned.to(images.device)


def _shifts(draws: Draws, axis: int, most: int) -> Tensor:
    if not most:
        return torch.zeros(len(draws.positions), dtype=torch.float64)
    return draws.integers(f"shift {axis}", -most, most).double()


def _cutout(inputs: Tensor, draws: Draws, side: int) -> Tensor:
    """Blank the pixels that lie in each sample's square."""
    size = inputs.shape[2:]
    hidden = torch.ones((len(inputs), 1, *size), dtype=torch.bool, device=inputs.device)
    for axis, n in enumerate(size):
        first = draws.integers(f"cutout {axis}", 0, n - 1) - side // 2
        offset = torch.arange(n) - first[:, None]
        inside = ((offset >= 0) & (offset < side)).to(inputs.device)
        view = [len(inputs)] + [1] * (inputs.dim() - 1)
        view[axis + 2] = n
        hidden &= inside.view(view)
    return inputs.masked_fill(hidden, 0)
