"""Normalisations: torch's results, the formula by hand, and errors that say what would do."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest
import torch
from torch import Tensor, fx

from striate import OptionError, ShapeError, nn

SIZES = (5, 6, 7)
TORCHS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("BatchNorm1d", (8,), {}, (4, 8)),
    *(
        (f"{kind}Norm{d}d", (8,), options, (4, 8, *SIZES[:d]))
        for d in (1, 2, 3)
        for kind in ("Batch", "Instance")
        for options in (
            {},
            {"affine": True, "eps": 1e-3},
            {"affine": False, "track_running_stats": False},
            {"momentum": None if kind == "Batch" else 0.3, "track_running_stats": True},
        )
    ),
    ("InstanceNorm2d", (8,), {"affine": True}, (8, 5, 6)),
    ("GroupNorm", (4, 8), {}, (4, 8)),
    ("GroupNorm", (2, 8), {"affine": False}, (2, 8, 5, 6)),
    ("LayerNorm", (6,), {"eps": 1e-3}, (4, 8, 6)),
    ("LayerNorm", ((5, 6),), {"bias": False}, (4, 8, 5, 6)),
    ("LayerNorm", (6,), {"elementwise_affine": False}, (4, 6)),
]


def by_hand(x: Tensor, axes: tuple[int, ...], eps: float = 1e-5) -> Tensor:
    """Take the mean off and divide by the deviation, in float64."""
    x = x.double()
    mean = x.mean(axes, keepdim=True)
    spread = ((x - mean) ** 2).mean(axes, keepdim=True)
    return (x - mean) / (spread + eps).sqrt()


class TestAgainstTorch:
    @pytest.mark.parametrize(("name", "arguments", "options", "shape"), TORCHS)
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_training_then_evaluating(
        self,
        name: str,
        arguments: tuple[Any, ...],
        options: dict[str, Any],
        shape: tuple[int, ...],
        dtype: torch.dtype,
    ) -> None:
        ours = getattr(nn, name)(*arguments, **options, dtype=dtype)
        theirs = getattr(torch.nn, name)(*arguments, **options, dtype=dtype)
        assert isinstance(ours, type(theirs))
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        for parameter in ours.parameters():
            torch.nn.init.normal_(parameter)
        theirs.load_state_dict(ours.state_dict())
        for training in (True, True, False):
            ours.train(training), theirs.train(training)
            x = torch.randn(shape, dtype=dtype, requires_grad=True)
            y, expected = ours(x), theirs(x)
            torch.testing.assert_close(y, expected, rtol=0, atol=0)
            seed = torch.randn_like(y)
            grads = torch.autograd.grad(y, [x, *ours.parameters()], seed)
            wanted = torch.autograd.grad(expected, [x, *theirs.parameters()], seed)
            for grad, want in zip(grads, wanted, strict=True):
                torch.testing.assert_close(grad, want, rtol=0, atol=0)
        for key, value in theirs.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[key], value, rtol=0, atol=0)

    @pytest.mark.parametrize(("name", "arguments", "options", "shape"), TORCHS)
    def test_symbolic_tracing(
        self,
        name: str,
        arguments: tuple[Any, ...],
        options: dict[str, Any],
        shape: tuple[int, ...],
    ) -> None:
        if len(shape) == 3 and name == "InstanceNorm2d":
            pytest.skip("what a tracer passes has no rank, and is taken for a batch")
        layer, x = getattr(nn, name)(*arguments, **options).eval(), torch.randn(shape)
        torch.testing.assert_close(fx.symbolic_trace(layer)(x), layer(x))

    def test_every_norm_of_torch_with_channels_is_ours(self) -> None:
        names = {n for n in dir(torch.nn) if "Norm" in n and not n.startswith("Lazy")}
        torchs = {name for name in names if getattr(nn, name) is getattr(torch.nn, name)}
        assert torchs <= {"LocalResponseNorm", "RMSNorm", "SyncBatchNorm"}


class TestByHand:
    def test_batch_norm_takes_each_channel_over_batch_and_map(self) -> None:
        x = torch.randn(3, 2, 4, 5)
        expected = by_hand(x, (0, 2, 3))
        torch.testing.assert_close(nn.BatchNorm2d(2)(x).double(), expected, rtol=0, atol=1e-5)

    def test_batch_norm_of_1_and_3_is_minus_and_plus_one(self) -> None:
        # mean 2, variance 1
        y = nn.BatchNorm1d(1, eps=1e-30)(torch.tensor([[1.0], [3.0]]))
        assert y.flatten().tolist() == [-1.0, 1.0]

    def test_instance_norm_takes_each_map_by_itself(self) -> None:
        x = torch.randn(3, 2, 4, 5)
        expected = by_hand(x, (2, 3))
        torch.testing.assert_close(nn.InstanceNorm2d(2)(x).double(), expected, rtol=0, atol=1e-5)

    def test_group_norm_takes_channels_together(self) -> None:
        x = torch.randn(3, 4, 5)
        expected = by_hand(x.reshape(3, 2, 2, 5), (2, 3)).reshape(3, 4, 5)
        torch.testing.assert_close(nn.GroupNorm(2, 4)(x).double(), expected, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("d", [1, 2, 3])
    def test_channels_first_layer_norm_takes_each_pixel_by_itself(self, d: int) -> None:
        x = torch.randn(3, 8, *SIZES[:d])
        layer = getattr(nn, f"LayerNorm{d}d")(8, eps=1e-3)
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
        shape = (8,) + (1,) * d
        expected = by_hand(x, (1,), 1e-3) * layer.weight.reshape(shape) + layer.bias.reshape(shape)
        torch.testing.assert_close(layer(x).double(), expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(layer(x[0]), layer(x)[0])
        torch.testing.assert_close(fx.symbolic_trace(layer)(x), layer(x))


class TestChannelsFirstLayerNorm:
    def test_has_the_keys_and_defaults_of_layer_norm(self) -> None:
        layer = nn.LayerNorm2d(8)
        assert {k: tuple(v.shape) for k, v in layer.state_dict().items()} == {
            "weight": (8,),
            "bias": (8,),
        }
        assert layer.eps == 1e-5
        assert isinstance(layer, torch.nn.LayerNorm)
        assert not list(nn.LayerNorm2d(8, elementwise_affine=False).parameters())

    def test_gradients(self) -> None:
        layer = nn.LayerNorm2d(3, dtype=torch.float64)
        x = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(layer, x)

    def test_refuses_other_channels(self) -> None:
        with pytest.raises(ShapeError, match=r"LayerNorm2d: input .* built with num_channels=8"):
            nn.LayerNorm2d(8)(torch.zeros(2, 5, 4, 4))
        with pytest.raises(ShapeError, match=r"x\.permute\(0, 3, 1, 2\)"):
            nn.LayerNorm2d(8)(torch.zeros(2, 4, 4, 8))
        with pytest.raises(ShapeError, match="has 2 axes; NCHW has 4"):
            nn.LayerNorm2d(8)(torch.zeros(4, 8))


class TestErrors:
    @pytest.mark.parametrize(
        ("layer", "shape", "message"),
        [
            (
                nn.BatchNorm2d(16),
                (8, 3, 5, 5),
                r"^BatchNorm2d: input \(8, 3, 5, 5\) has 3 channels; the layer was built with "
                r"num_features=16\. Build it with num_features=3\.$",
            ),
            (nn.BatchNorm2d(16), (8, 5, 5, 16), r"If it is NHWC, .*x\.permute\(0, 3, 1, 2\)"),
            (nn.BatchNorm1d(16), (8, 50, 16), r"If it is NLC, .*x\.permute\(0, 2, 1\)"),
            (nn.BatchNorm2d(16), (16, 5, 5), r"a batch is needed.*x\.unsqueeze\(0\)"),
            (nn.BatchNorm2d(16), (8, 16), "has 2 axes; NCHW has 4"),
            (nn.BatchNorm2d(16), (1, 16, 1, 1), r"one value a channel.*Use a batch of 2 or more"),
            (nn.BatchNorm1d(16), (1, 16), "one value a channel"),
            (nn.BatchNorm3d(4), (2, 5, 3, 3, 3), "has 5 channels; .* num_features=4"),
            (nn.InstanceNorm2d(16, affine=True), (8, 3, 5, 5), "Build it with num_features=3"),
            (nn.InstanceNorm2d(16, affine=True), (3, 5, 5), "Build it with num_features=3"),
            (nn.InstanceNorm2d(16), (8, 16, 1, 1), r"maps of one pixel.*LayerNorm2d, GroupNorm"),
            (nn.InstanceNorm1d(16), (8, 2, 16, 5), "has 4 axes; NCL has 3"),
            (nn.GroupNorm(4, 16), (8, 3, 5, 5), "Build it with num_channels=3"),
            (nn.GroupNorm(4, 16), (16,), r"has 1 axes; it must be \(N, 16, \.\.\.\)"),
            (nn.GroupNorm(4, 4), (1, 4), "one value a group"),
            (nn.LayerNorm(16), (8, 16, 5, 5), r"For channels first use LayerNorm2d\(16\)"),
            (nn.LayerNorm((5, 6)), (8, 16, 5, 5), r"must end in normalized_shape=\(5, 6\)"),
        ],
        ids=str,
    )
    def test_inputs_are_refused_with_the_way_out(
        self, layer: torch.nn.Module, shape: tuple[int, ...], message: str
    ) -> None:
        with pytest.raises(ShapeError, match=message):
            layer(torch.zeros(shape))

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: nn.BatchNorm2d(0), "BatchNorm2d: num_features=0 must be a whole number"),
            (
                lambda: nn.InstanceNorm1d(cast(int, 2.5)),
                r"num_features=2\.5 must be a whole number",
            ),
            (lambda: nn.LayerNorm2d(-1), "num_channels=-1 must be"),
            (lambda: nn.GroupNorm(0, 8), "num_groups=0 must be"),
            (
                lambda: nn.GroupNorm(3, 8),
                r"num_groups=3 must divide num_channels=8\. It can be 1 or 2 or 4 or 8",
            ),
        ],
    )
    def test_constructors_refuse(self, make: Any, message: str) -> None:
        with pytest.raises((OptionError, ShapeError), match=message):
            make()

    def test_one_value_a_channel_is_fine_in_eval_mode(self) -> None:
        layer = nn.BatchNorm2d(4).eval()
        assert layer(torch.zeros(1, 4, 1, 1)).shape == (1, 4, 1, 1)

    @pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), nn.GroupNorm(2, 4), nn.LayerNorm(4)])
    def test_types_that_differ_are_named(self, layer: torch.nn.Module) -> None:
        with pytest.raises(OptionError, match=r"input has dtype torch\.float64, weight has"):
            layer(torch.zeros(3, 4, dtype=torch.float64))

    @pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), nn.GroupNorm(2, 4), nn.LayerNorm(4)])
    def test_numpy_arrays_are_refused_with_the_way_out(self, layer: torch.nn.Module) -> None:
        with pytest.raises(OptionError, match=r"torch\.as_tensor"):
            layer(torch.zeros(3, 4).numpy())

    def test_the_layer_is_named_by_its_path(self) -> None:
        net = torch.nn.Sequential(torch.nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(5)))
        with pytest.raises(ShapeError, match=r"^BatchNorm2d '0\.1': input \(1, 4, 6, 6\) has 4 ch"):
            net(torch.zeros(1, 1, 8, 8))


def test_batch_norm_forgets_the_scale_of_its_input() -> None:
    x = torch.randn(8, 3, 5, 5, dtype=torch.float64)
    layer = nn.BatchNorm2d(3, eps=1e-30, dtype=torch.float64)
    scaled = layer(7 * x + torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1))
    assert (scaled - layer(x)).abs().max() < 16 * 2.0**-52 * math.sqrt(x.numel())
