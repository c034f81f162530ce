"""Networks and inputs that tripped somebody: what is not known stays unknown, errors are words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from striate import capture, inspect
from striate.errors import GraphError, OptionError
from striate.inspection import check_box, measure


class Net(nn.Module):
    """A forward in one line: it gets the module and the input."""

    def __init__(self, line: Any, **layers: nn.Module) -> None:
        super().__init__()
        self.line = line
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the line."""
        return self.line(self, x)


def test_layers_before_an_unknown_reader_of_a_piece_are_kept() -> None:
    net = Net(lambda s, x: torch.fft.rfft2(s.a(x).chunk(2, 1)[0]).abs(), a=nn.Conv2d(3, 8, 3))
    report = inspect(net, (3, 10, 10))
    assert report.macs == 8 * 8 * 8 * 3 * 9
    assert report["fft_rfft2"].reads == ("split",)
    assert report.unknown == ("fft_rfft2",)


def test_recurrent_layers_are_unknown_and_joined() -> None:
    net = Net(lambda s, x: s.g(s.l(x)[0])[0], l=nn.LSTM(4, 5), g=nn.GRU(5, 3))
    report = inspect(net, (7, 2, 4))
    assert "l" in report["g"].reads
    assert report.params == sum(p.numel() for p in net.parameters())
    assert report.unused == {}


@pytest.mark.parametrize(
    "line",
    [
        lambda s, x: s.d(s.c(x).flip(-1)),
        lambda s, x: s.d(torch.cat([s.c(x)] * 2, 2)),
        lambda s, x: s.d(s.c(x)[:, :, [0, 3, 5, 7]]),
    ],
)
def test_fields_behind_shuffled_places_are_unknown(line: Any) -> None:
    report = inspect(Net(line, c=nn.Conv2d(1, 1, 3), d=nn.Conv2d(1, 1, 3)), (1, 20, 20))
    assert report["c"].receptive_field == (3, 3)
    assert report["d"].receptive_field is None


def test_a_weight_that_is_computed_does_not_hide_the_field() -> None:
    conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    report = inspect(nn.Sequential(conv, nn.Conv2d(4, 2, 3)), (3, 9, 9))
    assert report.rows[-1].receptive_field == (5, 5)
    assert len(report.unknown) == 1
    assert report.macs == 4 * 49 * 27 + 2 * 25 * 36


def test_a_view_of_a_weight_is_no_map() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(6, 2, 3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.matmul(x, self.weight.flatten(1))

    net = Tied()
    found = measure(net, capture(net, (4, 6)), repeats=1)
    assert found.predicted_saved_bytes == found.measured_saved_bytes
    assert found.predicted_peak_bytes == found.measured_peak_bytes


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate"])
def test_padding_that_repeats_pixels_is_no_blank(mode: str) -> None:
    net = nn.Conv2d(1, 1, 5, padding=2, padding_mode=mode)
    assert check_box(net, "", (1, 1, 9, 9), place=(0, 0)).exact


def test_half_precision_is_checked_by_its_own_rounding() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        assert capture(nn.Conv2d(3, 4, 3).to(dtype), (1, 3, 8, 8)).check() < 0.02


def test_wrappers_show_the_users_paths() -> None:
    net = nn.DataParallel(nn.Sequential(nn.Conv2d(1, 1, 3)))
    assert [row.name for row in inspect(net, (1, 8, 8))] == ["0"]


def test_whole_numbers_come_as_a_tensor() -> None:
    net = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    assert inspect(net, torch.zeros(1, 7, dtype=torch.long)).params == 50
    with pytest.raises(GraphError, match="Give whole numbers"):
        inspect(net, (1, 7))


def test_lazy_layers_need_a_batch_first() -> None:
    with pytest.raises(GraphError, match="lazy layer '0' does not know its sizes"):
        inspect(nn.Sequential(nn.LazyConv2d(8, 3)), (3, 10, 10))


def test_wrong_numbers_of_inputs_and_odd_shapes() -> None:
    with pytest.raises(OptionError, match="was given 2 inputs"):
        capture(nn.ReLU(), (1, 2), (1, 2))
    with pytest.raises(OptionError, match=r"^capture: list is neither") as refused:
        capture(nn.ReLU(), [torch.zeros(3), torch.zeros(2)])
    assert "tensor([" not in str(refused.value)
    conv = nn.Conv2d(3, 3, 3)
    with pytest.raises(OptionError, match="is no shape"):
        inspect(conv, (3, 8.7, 8))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="1 or more"):
        inspect(conv, (True, 3, 8, 8))
    assert inspect(conv, np.array([1, 3, 8, 8])).macs == 3 * 36 * 27  # type: ignore[arg-type]
