"""Make the pictures of docs/look.md: `python docs/gallery.py [--run FOLDER] [NAME ...]`.

A LeNet-5 is trained on the built-in digits first (seconds on a quiet machine), unless a run of it
is named. Nothing is downloaded. Names are keys of PICTURES; by default all are made.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from striate import data, look
from striate.look import Picture, Subject
from striate.look import _style as style
from striate.signal._by_hand import filter_pixels, filter_signal, make_kernels, peaks

HERE = Path(__file__).parent / "images"
DPI = 110
LARGEST = 150_000
"""Bytes of a picture."""


class Shown:
    """What the pictures are of."""

    def __init__(self, run: Path) -> None:
        self.run = run

    @cached_property
    def lenet(self) -> Subject:
        """LeNet-5, trained on the digits."""
        return look.open_subject(self.run)

    @cached_property
    def digits(self) -> data.Data:
        """The built-in digits."""
        return data.load("digits", input_shape=self.lenet.input_shape)

    @cached_property
    def digit(self) -> np.ndarray:
        """A test digit as the network takes it, (1, 1, 32, 32)."""
        return self.lenet.preprocess.apply(self.digits.test.fetch([3])).numpy()

    @cached_property
    def photo(self) -> np.ndarray:
        """A scene that is computed: hills, a sun and a fence; (128, 192, 3) of 8 bits."""
        y, x = np.mgrid[0:128, 0:192] / 128.0
        sky = np.stack([0.55 + 0.3 * y, 0.7 + 0.1 * y, 0.95 - 0.1 * y], 2)
        sun = np.hypot(y - 0.25, x - 1.1) < 0.14
        hills = y > 0.55 + 0.12 * np.sin(4 * x) + 0.03 * np.sin(23 * x)
        fence = (y > 0.7) & (np.sin(2 * np.pi * x * 9) > 0.5)
        scene = np.where(sun[..., None], [1.0, 0.9, 0.5], sky)
        scene = np.where(hills[..., None], [0.25, 0.45, 0.25], scene)
        scene = np.where(fence[..., None], [0.5, 0.35, 0.2], scene)
        noise = np.random.default_rng(0).normal(0, 0.04, scene.shape)
        return np.rint(255 * np.clip(scene + noise, 0, 1)).astype(np.uint8)


class ByHand(Picture):
    """A picture under the kernels of `striate filter`."""

    def __init__(self, photo: np.ndarray) -> None:
        self.photo = photo

    def _draw(self):  # type: ignore[no-untyped-def]
        kinds = {
            "gaussian": {"sigma": 2.0}, "sharpen": {"amount": 1.0}, "sobel": {},
            "laplacian": {}, "gabor": {"wavelength": 12.0},
        }  # fmt: skip
        made = [filter_pixels(self.photo, make_kernels(k, 2, o)) for k, o in kinds.items()]
        tiles = [one / 255 for one in (self.photo, *made)]
        figure = style.new_figure(height=2.9, title="striate filter photo.png --kernel ...")
        axes = figure.subplots(2, 3)
        for cell, name, tile in zip(axes.ravel(), ["photo.png", *kinds], tiles, strict=True):
            style.show(cell, tile, name)
        return figure


class Peaks(Picture):
    """A signal, its peaks before and after smoothing."""

    def _draw(self):  # type: ignore[no-untyped-def]
        t = np.arange(500)
        noisy = np.sin(t / 25) + 0.25 * np.random.default_rng(0).normal(size=500)
        smooth = filter_signal(noisy, make_kernels("gaussian", 1, {"sigma": 8.0}))
        figure = style.new_figure(height=2.6, title="striate filter wave.csv --sigma 8")
        axes = figure.subplots(2, 1, sharex=True, sharey=True)
        for cell, signal, name in zip(axes, (noisy, smooth), ("before", "after"), strict=True):
            found = peaks(signal)
            cell.plot(t, signal, color=style.INK, linewidth=0.7)
            orange = style.colour(style.POSITIVE)
            cell.plot(found, signal[found], ".", color=orange, markersize=5)
            cell.set_title(f"{name}: {len(found)} peaks", loc="left")
        axes[-1].set_xlabel("sample")
        return figure


def stride_two() -> look.SlidingWindow:
    """The picture of every course: 3x3 over 5x5, stride 2, padding 1."""
    x = np.random.default_rng(2).integers(0, 4, (5, 5))
    kernel = [[0, 1, 2], [2, 2, 0], [0, 1, 2]]
    return look.sliding_window(x, kernel, stride=2, padding=1, title="3x3, stride 2, padding 1")


def scene(shown: Shown) -> np.ndarray:
    """A part of the photo as a network takes it, (3, 32, 32)."""
    return shown.photo[40:104:2, 100:164:2].transpose(2, 0, 1) / np.float32(255)


PICTURES: dict[str, Callable[[Shown], Picture]] = {
    "filters": lambda s: look.filters(s.lenet, "c1", sort="norm"),
    "filters-slices": lambda s: look.filters(s.lenet, "c3", sort="similarity", count=8),
    "maps": lambda s: look.maps(s.lenet, s.digit),
    "maps-pairs": lambda s: look.maps(s.lenet, s.digit, ["relu1", "relu3"], pairs=True),
    "field": lambda s: look.field("resnet20", "layer2.0.relu:2", (1, 12), image=scene(s)),
    "field-mean": lambda s: look.field("resnet20", "layer2.0.relu:2"),
    "fields": lambda s: look.fields("resnet20", image=scene(s)),
    "slide": lambda s: stride_two(),
    "slide-layer": lambda s: look.sliding_layer(s.lenet, s.digit, "c3", channel=2),
    "top": lambda s: look.top_patches(s.lenet, "c3", s.digits.test, 2),
    "top-channels": lambda s: look.top_patches(s.lenet, "c3", s.digits.test, range(4), k=8),
    "inputs": lambda s: look.maximise(s.lenet, "c3", range(8), steps=100),
    "saliency": lambda s: look.saliency(s.lenet, s.digit),
    "back": lambda s: look.back_project(s.lenet, s.digit, "c3", 5),
    "occlusion": lambda s: look.occlusion(s.lenet, s.digit, size=6, stride=2),
    "cam": lambda s: look.grad_cam(s.lenet, s.digit),
    "equivariance": lambda s: look.equivariance(s.lenet, s.digits.test, blur=True, most=24),
    "training-curves": lambda s: look.training(s.run).curves,
    "training-confusion": lambda s: look.training(s.run).confusion,
    "training-filters": lambda s: look.training(s.run).filters,
    "filter-photo": lambda s: ByHand(s.photo),
    "filter-signal": lambda s: Peaks(),
}
"""Every picture of the page, by the name of its file: look-NAME.png."""

MOVING = ("slide",)
"""Those that are a GIF."""


def make(name: str, shown: Shown) -> Path:
    """Make one picture, in few colours so that its file is small."""
    picture = PICTURES[name](shown)
    if name in MOVING:
        path = HERE / f"look-{name}.gif"
        picture.save(path, dpi=80)
    else:
        path = HERE / f"look-{name}.png"
        drawn = Image.open(io.BytesIO(picture._bytes("png", DPI))).convert("RGB")
        # Rare colours are kept: a few orange pixels are what some pictures are about.
        few = drawn.quantize(200, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} has {path.stat().st_size:,} bytes; {LARGEST:,} are allowed.")
    return path


def trained(folder: Path) -> Path:
    """Train LeNet-5 on the built-in digits."""
    from striate.cli import main as striate

    with contextlib.suppress(SystemExit):
        striate(["train", "lenet5", "--data", "digits", "--epochs", "10", "--out", str(folder)])
    return next(folder.glob("lenet5-digits-*"))


def main() -> None:
    """Make the pictures that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="a run of lenet5 on the digits")
    parser.add_argument("names", nargs="*", choices=[[], *PICTURES], help="pictures to make")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shown = Shown(given.run or trained(Path(folder)))
        for name in given.names or PICTURES:
            path = make(name, shown)
            print(f"{path.name}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
