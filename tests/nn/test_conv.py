"""Convolution layers: torch's results, a slow reference's, and what convolution must obey."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from striate import OptionError, ShapeError, nn

from ..reference import correlate, same_padding, tolerance

CONVS = {
    1: (nn.Conv1d, torch.nn.Conv1d),
    2: (nn.Conv2d, torch.nn.Conv2d),
    3: (nn.Conv3d, torch.nn.Conv3d),
}
CASES = [
    {},
    {"stride": 2},
    {"padding": 1},
    {"padding": 2, "dilation": 2},
    {"padding": "same"},
    {"padding": "valid", "stride": 3},
    {"groups": 2},
    {"groups": 4, "bias": False},
    {"padding": 1, "padding_mode": "reflect"},
    {"padding": 2, "padding_mode": "replicate", "stride": 2},
    {"padding": 1, "padding_mode": "circular"},
]


def both(
    ndim: int, dtype: torch.dtype, **options: object
) -> tuple[torch.nn.Module, torch.nn.Module]:
    ours_type, torch_type = CONVS[ndim]
    ours = ours_type(4, 8, 3, dtype=dtype, **options)
    theirs = torch_type(4, 8, 3, dtype=dtype, **options)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


class TestByHand:
    def test_two_by_two_filter_on_a_three_by_four_input_has_two_by_three_places(self) -> None:
        # Goodfellow, Bengio, Courville 2016, figure 9.1.
        image = torch.arange(12.0).reshape(1, 1, 3, 4)
        conv = nn.Conv2d(1, 1, 2, bias=False)
        conv.weight.data = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        # 1*0 + 2*1 + 3*4 + 4*5 = 34; one step right adds 10, one step down adds 4 * 10.
        expected = torch.tensor([[[[34.0, 44.0, 54.0], [74.0, 84.0, 94.0]]]])
        assert torch.equal(conv(image), expected)

    def test_ten_filters_of_five_by_five_by_three_have_760_parameters(self) -> None:
        assert sum(p.numel() for p in nn.Conv2d(3, 10, 5).parameters()) == 760

    def test_lenet_sizes_32_28_24(self) -> None:
        net = torch.nn.Sequential(nn.Conv2d(1, 1, 5), nn.Conv2d(1, 1, 5))
        assert net(torch.zeros(1, 1, 32, 32)).shape[-1] == 24

    def test_true_convolution_flips_the_filter(self) -> None:
        conv = nn.Conv1d(1, 1, 3, bias=False, flip=True)
        conv.weight.data = torch.tensor([[[1.0, 2.0, 3.0]]])
        impulse = torch.tensor([[[0.0, 0.0, 1.0, 0.0, 0.0]]])
        # Convolution with an impulse gives the filter back, in order.
        assert conv(impulse).flatten().tolist() == [1.0, 2.0, 3.0]

    def test_same_padding_puts_the_odd_pixel_at_the_end(self) -> None:
        conv = nn.Conv1d(1, 1, 2, padding="same", bias=False)
        conv.weight.data = torch.ones(1, 1, 2)
        # 1+2, 2+3, 3+0
        assert conv(torch.tensor([[[1.0, 2.0, 3.0]]])).flatten().tolist() == [3.0, 5.0, 3.0]

    def test_causal_padding_reads_only_the_past(self) -> None:
        conv = nn.Conv1d(1, 1, 3, padding=((2, 0),), bias=False)
        conv.weight.data = torch.ones(1, 1, 3)
        assert conv(torch.tensor([[[1.0, 2.0, 4.0]]])).flatten().tolist() == [1.0, 3.0, 7.0]


class TestAgainstTorch:
    @pytest.mark.parametrize("ndim", [1, 2, 3])
    @pytest.mark.parametrize("options", CASES, ids=str)
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_same_outputs_and_gradients(self, ndim: int, options: dict, dtype: torch.dtype) -> None:
        ours, theirs = both(ndim, dtype, **options)
        x = torch.randn(2, 4, *(7, 8, 9)[:ndim], dtype=dtype, requires_grad=True)
        y, expected = ours(x), theirs(x)
        torch.testing.assert_close(y, expected)
        seed = torch.randn_like(y)
        grads = torch.autograd.grad(y, [x, *ours.parameters()], seed)
        wanted = torch.autograd.grad(expected, [x, *theirs.parameters()], seed)
        for grad, want in zip(grads, wanted, strict=True):
            torch.testing.assert_close(grad, want)

    @pytest.mark.parametrize("ndim", [1, 2, 3])
    def test_state_dicts_load_both_ways(self, ndim: int) -> None:
        ours, theirs = both(ndim, torch.float32)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        ours.load_state_dict(theirs.state_dict(), strict=True)
        assert isinstance(ours, type(theirs))

    @pytest.mark.parametrize("options", CASES, ids=str)
    def test_repr_begins_as_torchs(self, options: dict) -> None:
        ours, theirs = both(2, torch.float32, **options)
        assert repr(ours) == repr(theirs)

    def test_same_seed_gives_the_same_weights(self) -> None:
        torch.manual_seed(1)
        ours = nn.Conv2d(3, 8, 5, padding="same", stride=2)
        torch.manual_seed(1)
        theirs = torch.nn.Conv2d(3, 8, 5)
        assert torch.equal(ours.weight, theirs.weight)
        assert torch.equal(ours.bias, theirs.bias)

    @pytest.mark.parametrize("shape", [(4, 9, 9), (0, 4, 9, 9), (1, 4, 3, 3), (2, 4, 13, 7)])
    def test_awkward_shapes(self, shape: tuple[int, ...]) -> None:
        ours, theirs = both(2, torch.float32)
        torch.testing.assert_close(ours(torch.ones(shape)), theirs(torch.ones(shape)))

    def test_non_contiguous_input(self) -> None:
        ours, theirs = both(2, torch.float32)
        x = torch.randn(2, 9, 9, 4).permute(0, 3, 1, 2)
        torch.testing.assert_close(ours(x), theirs(x))


@st.composite
def geometries(draw: st.DrawFn) -> tuple:
    ndim = draw(st.integers(1, 2))
    axes = [
        {
            "n": draw(st.integers(1, 9)),
            "k": draw(st.integers(1, 4)),
            "s": draw(st.integers(1, 4)),
            "d": draw(st.integers(1, 3)),
            "p": (draw(st.integers(0, 4)), draw(st.integers(0, 4))),
        }
        for _ in range(ndim)
    ]
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    same = draw(st.booleans())
    for axis in axes:
        extent = axis["d"] * (axis["k"] - 1) + 1
        if same:
            axis["p"] = same_padding(axis["n"], axis["k"], axis["s"], axis["d"])
        axis["n"] = max(axis["n"], extent - sum(axis["p"]))
        if same:
            axis["p"] = same_padding(axis["n"], axis["k"], axis["s"], axis["d"])
    return axes, groups, same, draw(st.booleans())


class TestAgainstTheReference:
    @settings(max_examples=80, deadline=None)
    @given(geometries(), st.integers(0, 2**31))
    def test_any_geometry_in_float32(self, geometry: tuple, seed: int) -> None:
        axes, groups, same, flip = geometry
        ndim = len(axes)
        torch.manual_seed(seed)
        stride, dilation = (tuple(a[name] for a in axes) for name in "sd")
        padding = [a["p"] for a in axes]
        conv = CONVS[ndim][0](
            2 * groups,
            groups,
            tuple(a["k"] for a in axes),
            stride,
            "same" if same else tuple(padding),
            dilation,
            groups,
            bias=False,
            flip=flip,
        )
        x = torch.randn(1, 2 * groups, *(a["n"] for a in axes))
        w = conv.weight.detach()
        if flip:
            w = w.flip(tuple(range(2, ndim + 2)))
        expected = correlate(x[0], w, stride, padding, dilation, groups)
        difference = (conv(x)[0].double() - expected).abs()
        assert difference.numel() > 0
        assert difference.max() <= tolerance(x, w)

    @pytest.mark.parametrize(
        "options", [{"padding": "same", "stride": 2}, {"padding": ((2, 0), (0, 1))}]
    )
    def test_gradients(self, options: dict) -> None:
        conv = nn.Conv2d(2, 2, 3, dtype=torch.float64, **options)
        x = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(conv, x)


class TestProperties:
    def test_identity_filter_returns_the_input(self) -> None:
        conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        conv.weight.data.zero_()[0, 0, 1, 1] = 1
        x = torch.randn(1, 1, 7, 13)
        assert torch.equal(conv(x), x)

    def test_shifting_the_image_shifts_the_map(self) -> None:
        conv, x = nn.Conv2d(1, 4, 3, bias=False), torch.randn(1, 1, 12, 12)
        y, shifted = conv(x), conv(x.roll((2, 3), (2, 3)))
        torch.testing.assert_close(shifted[..., 2:, 3:], y[..., :-2, :-3])

    def test_two_convolutions_are_one(self) -> None:
        # 'full' composition of a 3-tap and a 4-tap filter: one of 3 + 4 - 1 = 6 taps.
        first, second = (nn.Conv1d(1, 1, k, bias=False, dtype=torch.float64) for k in (3, 4))
        both = nn.Conv1d(1, 1, 6, bias=False, dtype=torch.float64)
        # Correlating twice convolves the filters: spread one with the other.
        both.weight.data = torch.nn.functional.conv_transpose1d(
            first.weight.data, second.weight.data
        )
        x = torch.randn(1, 1, 20, dtype=torch.float64)
        torch.testing.assert_close(second(first(x)), both(x))

    def test_one_by_one_convolution_is_a_linear_layer_at_each_pixel(self) -> None:
        conv, linear = nn.Conv2d(3, 5, 1), nn.Linear(3, 5)
        linear.weight.data, linear.bias.data = conv.weight.data[:, :, 0, 0], conv.bias.data
        x = torch.randn(2, 3, 4, 6)
        torch.testing.assert_close(conv(x), linear(x.movedim(1, -1)).movedim(-1, 1))

    def test_groups_are_layers_side_by_side(self) -> None:
        grouped = nn.Conv2d(6, 9, 3, groups=3)
        x = torch.randn(2, 6, 8, 8)
        parts = [
            torch.nn.functional.conv2d(
                x[:, 2 * g : 2 * g + 2],
                grouped.weight[3 * g : 3 * g + 3],
                grouped.bias[3 * g : 3 * g + 3],
            )
            for g in range(3)
        ]
        torch.testing.assert_close(grouped(x), torch.cat(parts, dim=1))

    def test_linear_in_the_weight(self) -> None:
        a, b, c = (nn.Conv2d(2, 3, 3, padding="same", stride=2, bias=False) for _ in range(3))
        c.weight.data = 2 * a.weight.data - b.weight.data
        x = torch.randn(1, 2, 9, 9)
        torch.testing.assert_close(c(x), 2 * a(x) - b(x))

    def test_depthwise_separable_is_depthwise_then_pointwise(self) -> None:
        layer = nn.DepthwiseSeparableConv2d(4, 6, 3, padding=1)
        x = torch.randn(1, 4, 5, 5)
        assert layer.depthwise.groups == 4
        assert layer.pointwise.kernel_size == (1, 1)
        torch.testing.assert_close(layer(x), layer.pointwise(layer.depthwise(x)))
        assert sum(p.numel() for p in layer.parameters()) == 4 * 9 + 4 + 4 * 6 + 6


class TestErrors:
    def test_a_stride_that_does_not_tile_says_what_would(self) -> None:
        conv = nn.Conv2d(1, 1, 3, stride=3, fit="exact")
        with pytest.raises(
            ShapeError, match=r"2\.33 is not whole.*padding=1 \(output 3\).*stride=2"
        ):
            conv(torch.zeros(1, 1, 7, 7))
        assert conv(torch.zeros(1, 1, 9, 9)).shape == (1, 1, 3, 3)

    def test_the_layer_is_named_by_its_path(self) -> None:
        class Block(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 3)

            def forward(self, x: Tensor) -> Tensor:
                return self.conv(x)

        net = torch.nn.ModuleDict({"stem": torch.nn.Sequential(torch.nn.ReLU(), Block())})

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.parts = net

            def forward(self, x: Tensor) -> Tensor:
                return self.parts["stem"](x)

        with pytest.raises(
            ShapeError,
            match=r"^Conv2d 'parts\.stem\.1\.conv': input \(8, 1, 28, 28\) is NCHW with 1 channel; "
            r"weight \(4, 3, 3, 3\) needs 3",
        ):
            Net()(torch.zeros(8, 1, 28, 28))

    @pytest.mark.parametrize(
        ("arguments", "options", "message"),
        [
            (
                (6, 8, 3),
                {"groups": 4},
                r"Conv2d: groups=4 must divide in_channels=6 and out_channels=8; "
                r"it does not divide 6\. Here groups can be 1 or 2",
            ),
            ((0, 8, 3), {}, "in_channels=0 must be a whole number"),
            ((3, 8, 0), {}, "size=0 must be 1 or more"),
            ((3, 8, 3), {"stride": 0}, "stride=0 must be 1 or more"),
            ((3, 8, 3), {"padding": "full"}, "padding='full' is not known"),
            ((3, 8, 3), {"padding": -1}, "must hold whole numbers, 0 or more"),
            ((3, 8, 3), {"padding": ((1, 2),)}, r"must hold 2 pairs \(before, after\)"),
            ((3, 8, (3, 3, 3)), {}, "kernel_size=.* has 3 numbers; give one, or 2"),
            ((3, 8, 3), {"fit": "loose"}, "fit='loose' is not known"),
            ((3, 8, 3), {"padding_mode": "mirror"}, "padding_mode='mirror' is not known"),
            ((3, 8, 3.0), {}, "must be an int"),
        ],
    )
    def test_constructors_refuse(self, arguments: tuple, options: dict, message: str) -> None:
        with pytest.raises((ShapeError, OptionError), match=message):
            nn.Conv2d(*arguments, **options)

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ((2, 32, 32, 3), r"If it is NHWC, move the channels with x\.permute\(0, 3, 1, 2\)"),
            ((32, 32), r"has 2 axes; NCHW has 4"),
            ((1, 2, 3, 32, 32), r"Merge the leading axes"),
            ((1, 3, 2, 32), "along the height, a window of 5 is longer than 2 pixels"),
            ((1, 1, 32, 32), r"repeat the grey channel with x\.expand\(-1, 3, -1, -1\)"),
        ],
    )
    @pytest.mark.parametrize("padding", [0, ((0, 0), (0, 1))])
    def test_inputs_are_refused_alike_on_both_paths(
        self, shape: tuple, message: str, padding: object
    ) -> None:
        with pytest.raises(ShapeError, match=message):
            nn.Conv2d(3, 8, 5, padding=padding)(torch.zeros(shape))

    def test_types_that_differ_are_named(self) -> None:
        with pytest.raises(
            OptionError, match=r"input has dtype torch\.float64, weight has torch\.float32"
        ):
            nn.Conv2d(3, 8, 5)(torch.zeros(1, 3, 9, 9, dtype=torch.float64))

    def test_numpy_arrays_are_refused_with_the_way_out(self) -> None:
        with pytest.raises(OptionError, match=r"torch\.as_tensor"):
            nn.Conv2d(3, 8, 5)(torch.zeros(1, 3, 9, 9).numpy())

    def test_reflection_needs_enough_pixels(self) -> None:
        with pytest.raises(ShapeError, match="too short for padding_mode='reflect'"):
            nn.Conv1d(1, 1, 5, padding=4, padding_mode="reflect")(torch.zeros(1, 1, 3))


class TestTracers:
    NET = staticmethod(
        lambda: torch.nn.Sequential(
            nn.Conv2d(1, 4, 3, padding="same", stride=2),
            nn.MaxPool2d(3, 2, padding="same"),
            nn.Conv2d(4, 4, 3, padding=1),
            nn.AvgPool2d(2),
            nn.ConvTranspose2d(4, 2, 3, stride=2, padding="same"),
        ).eval()
    )

    def test_symbolic_tracing(self) -> None:
        net, x = self.NET(), torch.randn(2, 1, 17, 19)
        torch.testing.assert_close(torch.fx.symbolic_trace(net)(x), net(x))

    def test_export(self) -> None:
        net, x = self.NET(), torch.randn(2, 1, 17, 19)
        exported = torch.export.export(net, (x,), strict=False)
        torch.testing.assert_close(exported.module()(x), net(x))

    def test_export_keeps_the_batch_dynamic(self) -> None:
        net, x = self.NET(), torch.randn(2, 1, 16, 16)
        batch = torch.export.Dim("batch", min=1, max=64)
        exported = torch.export.export(net, (x,), dynamic_shapes=({0: batch},), strict=False)
        more = torch.randn(5, 1, 16, 16)
        torch.testing.assert_close(exported.module()(more), net(more))


def test_all_combinations_of_sides_keep_the_size() -> None:
    # p_total = k - 1, split between the sides in any way, keeps the size.
    x = torch.zeros(1, 1, 11)
    for kernel, dilation in itertools.product((1, 2, 3, 5), (1, 2)):
        total = dilation * (kernel - 1)
        for before in range(total + 1):
            conv = nn.Conv1d(1, 1, kernel, padding=((before, total - before),), dilation=dilation)
            assert conv(x).shape == x.shape
