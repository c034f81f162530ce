"""From one file to one input, in the way the training data went."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .._image import SUFFIXES as PICTURES
from .._image import decode_image
from ..errors import DataError
from ._arrays import decode_array
from ._augment import to_unit
from ._batches import normalise
from ._fit import fit
from ._wav import SUFFIXES as SOUNDS
from ._wav import decode_wav

_KINDS = {"image": PICTURES, "signal": SOUNDS, "array": (".npy",)}
"""Suffixes of the files of each kind."""


@dataclass(frozen=True)
class Preprocess:
    """Turn a file into the normalised input that a net was trained on.

    A picture is brought to the data's own size first and then fitted to the net's, like the
    training data: a photo of a digit becomes 28x28 like MNIST's, and is then padded to 32x32.

    Args:
        kind: 'image' opens pictures, 'signal' WAV files, 'array' `.npy` files.
        source_shape: The data's own shape.
        input_shape: The net's, without the batch.
        mean, std: Of each channel, in 0..1 units.
        sample_rate: Of signals, in Hz; files at another rate are resampled.
    Raises:
        DataError: Values that do not go together, as from a damaged file.
    Example:
        >>> one = Preprocess("image", (1, 28, 28), (1, 32, 32), mean=(0.13,), std=(0.31,))
        >>> Preprocess.from_dict(one.to_dict()) == one
        True
    """

    kind: str
    source_shape: tuple[int, ...]
    input_shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sample_rate: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise DataError(f"Preprocess: kind={self.kind!r} is not one of {', '.join(_KINDS)}.")
        if len(self.source_shape) != len(self.input_shape):
            raise DataError(
                f"Preprocess: source_shape {self.source_shape} and input_shape "
                f"{self.input_shape} must have the same number of axes."
            )
        if not len(self.mean) == len(self.std) == self.input_shape[0]:
            raise DataError(
                f"Preprocess: {len(self.mean)} means and {len(self.std)} standard deviations for "
                f"{self.input_shape[0]} channels; one for each channel is needed."
            )
        if self.kind == "signal" and not self.sample_rate:
            raise DataError("Preprocess: a signal needs its sample_rate, in Hz.")

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of the files that it reads, in small letters."""
        return _KINDS[self.kind]

    def open(self, path: str | PathLike[str]) -> Tensor:
        """Read a file.

        Shape:
            output input_shape, float32.
        Raises:
            DataError: The file is absent, damaged, or of another kind.
        """
        path = Path(path)
        try:
            return self.decode(path.read_bytes())
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from None
        except DataError as error:
            raise DataError(f"{path}: {error}") from None

    def apply(self, inputs: Tensor) -> Tensor:
        """Fit and normalise a batch of raw inputs, uint8 or float32.

        Shape:
            inputs (N, C, ...), output (N, *input_shape).
        """
        return normalise(to_unit(fit(inputs, self.input_shape)), self.mean, self.std)

    def decode(self, content: bytes) -> Tensor:
        """Read what a file holds: a picture, a WAV file or an array in NumPy's form.

        Shape:
            output input_shape, float32.
        Raises:
            DataError: It is damaged, or of another kind.
        """
        if self.kind == "image":
            source: Any = decode_image(content, self.source_shape)
        elif self.kind == "signal":
            assert self.sample_rate
            source = decode_wav(content, self.source_shape, self.sample_rate, resample=True)
        else:
            return self.apply(decode_array(io.BytesIO(content), self.source_shape)[None])[0]
        return self.apply(torch.from_numpy(source)[None])[0]

    def to_dict(self) -> dict[str, Any]:
        """Give the fields in a form that JSON takes."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Preprocess:
        """Make it from `to_dict`'s form, also after a way through JSON.

        Raises:
            DataError: Fields are missing, unknown, or of the wrong type.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        needed = known - {"sample_rate"}
        if wrong := (set(fields) - known) | (needed - set(fields)):
            raise DataError(
                f"Preprocess: the fields {', '.join(sorted(wrong))} are missing or unknown. "
                f"Needed are {', '.join(sorted(needed))}; sample_rate may be given."
            )
        try:
            return cls(
                kind=fields["kind"],
                source_shape=tuple(int(n) for n in fields["source_shape"]),
                input_shape=tuple(int(n) for n in fields["input_shape"]),
                mean=tuple(float(x) for x in fields["mean"]),
                std=tuple(float(x) for x in fields["std"]),
                sample_rate=fields.get("sample_rate"),
            )
        except (TypeError, ValueError) as error:
            raise DataError(f"Preprocess: a field has the wrong type: {error}") from None
