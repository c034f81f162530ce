"""Single convolutions in every engine that is installed: GFLOP/s, share of peak, ratio.

    python benchmarks/layers.py [--only TEXT] [--chain 8] [--threads 1 2] [--rounds 20]
                                [--engines ...] [--json FILE]

Each layer is a network of its own, in float32, with bias and ReLU (or linear layers in a row could
be merged into one). `--chain 8` puts eight alike behind one another (those that keep the shape) and
divides by eight: engines with a layout of their own reorder at the edges, and in a network they
need not. Processes, turns and checks are `inference.py`'s.

GFLOP/s count the direct algorithm's products, 1 MAC = 2 FLOPs, whatever an engine does: with
Winograd's algorithm they can pass the peak. The peak is a product of matrices in the caches, which
takes turns with the engines. `make peers` installs the other engines.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from peers import ENGINES, PEAK, Report, Result, fill, race, write_task
from peers.peak import MACS as PEAK_MACS
from torch import nn

QUICK = ("striate", "torch", "channels_last", "onnxruntime", "openvino", "ncnn", "mnn")
"""Who takes part if nothing is said: those that are ready within seconds."""


@dataclass(frozen=True)
class Layer:
    """One convolution at batch 1.

    Args:
        name: In the table.
        input: Channels and sizes, (C, *sizes).
        out_channels, kernel_size, stride, padding, dilation, groups: torch's.
        transposed: Turned around; stride 2 then doubles the map.
    """

    name: str
    input: tuple[int, ...]
    out_channels: int
    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    transposed: bool = False

    @property
    def chains(self) -> bool:
        """Whether the output has the input's shape."""
        kept = 2 * self.padding == self.dilation * (self.kernel_size - 1)
        return kept and self.stride == 1 and self.input[0] == self.out_channels

    def build(self, times: int) -> nn.Module:
        """Make the module, as often as asked."""
        name = f"Conv{'Transpose' * self.transposed}{len(self.input) - 1}d"
        options = {"groups": self.groups, "dilation": self.dilation}
        sizes = (self.kernel_size, self.stride, self.padding)
        kind = getattr(nn, name)
        layers: list[nn.Module] = []
        for _ in range(times):
            layers += [kind(self.input[0], self.out_channels, *sizes, **options), nn.ReLU()]
        return nn.Sequential(*layers)


def same(name: str, channels: int, size: int, kernel_size: int = 3, **options: int) -> Layer:
    """A convolution of images that keeps their size, and their channels unless told otherwise."""
    out_channels = options.pop("out_channels", channels)
    padding = options.get("dilation", 1) * (kernel_size - 1) // 2
    shape = (channels, size, size)
    return Layer(name, shape, out_channels, kernel_size, padding=padding, **options)


def depthwise(channels: int, size: int, kernel_size: int = 3, stride: int = 1) -> Layer:
    """A filter a channel."""
    k, s = kernel_size, f"/{stride}" * (stride > 1)
    name = f"depthwise {k}x{k}{s} {channels}@{size}"
    return same(name, channels, size, k, stride=stride, groups=channels)


def pointwise(channels: int, out_channels: int, size: int) -> Layer:
    """A 1x1 convolution."""
    name = f"1x1 {channels}->{out_channels}@{size}"
    return same(name, channels, size, 1, out_channels=out_channels)


LAYERS = (
    *(same(f"3x3 {c}@{n}", c, n) for c, n in ((64, 56), (128, 28), (256, 14), (512, 7))),
    *(same(f"3x3 {c}@{n}", c, n) for c, n in ((64, 224), (128, 112), (256, 56), (512, 28))),
    same("3x3 16@32", 16, 32),
    same("3x3 3->64@224", 3, 224, out_channels=64),
    pointwise(64, 256, 56),
    pointwise(256, 64, 56),
    pointwise(512, 2048, 7),
    pointwise(256, 256, 28),
    pointwise(96, 576, 14),
    same("1x1/2 256->512@56", 256, 56, 1, out_channels=512, stride=2),
    Layer("7x7/2 3->64@224", (3, 224, 224), 64, 7, stride=2, padding=3),
    Layer("4x4/4 3->96@224", (3, 224, 224), 96, 4, stride=4),
    Layer("11x11/4 3->64@224", (3, 224, 224), 64, 11, stride=4, padding=2),
    Layer("5x5 1->6@32", (1, 32, 32), 6, 5),
    Layer("5x5 6->16@14", (6, 14, 14), 16, 5),
    same("5x5 64@28", 64, 28, 5),
    *(depthwise(c, n) for c, n in ((32, 112), (192, 28), (576, 14))),
    depthwise(96, 112, stride=2),
    depthwise(240, 28, 5),
    depthwise(96, 56, 7),
    same("3x3/2 64->128@56", 64, 56, out_channels=128, stride=2),
    same("3x3/2 256->512@14", 256, 14, out_channels=512, stride=2),
    same("2x2/2 96->192@56", 96, 56, 2, out_channels=192, stride=2),
    same("3x3 dilation 2 128@28", 128, 28, dilation=2),
    same("3x3 dilation 4 256@28", 256, 28, dilation=4),
    same("3x3 32 groups 128@56", 128, 56, groups=32),
    same("3x3 32 groups 512@14", 512, 14, groups=32),
    Layer("1D 3 128@500", (128, 500), 128, 3, padding=1),
    Layer("1D 3 512@31", (512, 31), 512, 3, padding=1),
    Layer("1D 80/4 1->128@8000", (1, 8000), 128, 80, stride=4),
    Layer("3D 3x3x3 64@8x28x28", (64, 8, 28, 28), 64, 3, padding=1),
    Layer("3D 3x3x3 3->64@16x56x56", (3, 16, 56, 56), 64, 3, padding=1),
    Layer("transposed 2x2/2 256->128@28", (256, 28, 28), 128, 2, stride=2, transposed=True),
    Layer("transposed 4x4/2 64->64@28", (64, 28, 28), 64, 4, 2, 1, transposed=True),
)


def main() -> None:
    """Race, and print a table a layer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="layers whose name contains this")
    parser.add_argument("--chain", type=int, default=1, help="layers in a row (default 1)")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=20, help="turns of each engine (default 20)")
    parser.add_argument("--turn", type=float, default=0.05, help="seconds a turn (default 0.05)")
    parser.add_argument("--engines", nargs="+", default=QUICK, choices=ENGINES, metavar="ENGINE")
    parser.add_argument("--json", type=Path, help="write all numbers into this file")
    options = parser.parse_args()
    engines = [ENGINES[name] for name in options.engines]
    report = Report(options.json, engines)
    for layer in LAYERS:
        if options.only not in layer.name or (options.chain > 1 and not layer.chains):
            continue
        shape = (1, *layer.input)
        with tempfile.TemporaryDirectory() as folder:
            net = fill(layer.build(options.chain), shape)
            task = write_task(net, shape, Path(folder))
            for threads in options.threads:
                limits = {"threads": threads, "rounds": options.rounds, "turn_s": options.turn}
                results = race(task, [*engines, PEAK], **limits)
                peak = peak_gflops(results.pop())
                report.add(
                    layer.name, task, threads, results, layers=options.chain, peak_gflops=peak
                )
    report.summarize()


def peak_gflops(result: Result) -> list[float]:
    """GFLOP/s of the peak's product, round by round."""
    return [2e-6 * PEAK_MACS / ms for ms in result.rounds_ms]


if __name__ == "__main__":
    main()
