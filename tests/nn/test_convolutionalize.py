"""A convolutionalized net: the same at its size, and on each crop of a larger image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as torch_f

from striate import OptionError, ShapeError, Window, nn, zoo
from striate.nn import convolutionalize


def seeded(name: str, **options: Any) -> Any:
    torch.manual_seed(0)
    net: Any = zoo.create(name, **options).eval()
    for name, buffer in net.named_buffers():  # as after training: no norm is the identity
        if name.endswith("running_mean"):
            buffer.uniform_(-0.1, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return net


def close(got: Tensor, expected: Tensor) -> None:
    """Agree to 1e-4 of the largest magnitude: the sums are the same in another order."""
    assert got.shape == expected.shape
    assert (got - expected).abs().max() <= 1e-4 * expected.abs().max()


def check_training_size(net: torch.nn.Module, x: Tensor) -> torch.nn.Module:
    slides = convolutionalize(net, tuple(x.shape[1:]))
    expected = net.eval()(x)
    assert expected.dim() == 2
    close(slides(x), expected.reshape(*expected.shape, *[1] * (x.dim() - 2)))
    return slides


def check_crops(net: torch.nn.Module, x: Tensor, size: int, stride: int | tuple[int, int]) -> None:
    """Compare every place of the map with the old net on the crop it sees."""
    slides = convolutionalize(net.eval(), (x.shape[1], size, size))
    maps = slides(x)
    stride = (stride, stride) if isinstance(stride, int) else stride
    places = [Window(size, s).output_size(n) for s, n in zip(stride, x.shape[2:], strict=True)]
    assert list(maps.shape[2:]) == places
    for i in range(places[0]):
        for j in range(places[1]):
            top, left = i * stride[0], j * stride[1]
            close(maps[:, :, i, j], net(x[:, :, top : top + size, left : left + size]))


class TestZoo:
    @pytest.mark.parametrize("name", ["lenet5", "lenet5_1998"])
    def test_lenet_sees_each_crop_as_before(self, name: str) -> None:
        # 32 pixels, and 4 from one place to the next: 5, 2/2, 5, 2/2, 5.
        check_crops(seeded(name), torch.randn(2, 1, 40, 47), size=32, stride=4)

    @pytest.mark.parametrize(
        ("name", "shape", "options"),
        [
            ("alexnet", (3, 224, 224), {"width": 0.1}),
            ("vgg11", (3, 224, 224), {"width": 0.05, "batch_norm": True}),
            ("nin", (3, 32, 32), {"width": 0.25}),
            ("resnet18", (3, 64, 64), {"width": 0.125}),
            ("resnet20", (3, 32, 32), {"width": 0.5}),
            ("resnext50_32x4d", (3, 64, 64), {"width": 0.125}),
            ("mobilenet_v1", (3, 64, 64), {"width": 0.25}),
            ("mobilenet_v2", (3, 64, 64), {"width": 0.25}),
            ("convnext_tiny", (3, 64, 64), {"width": 0.125}),
        ],
    )
    def test_two_strides_more_of_image_are_two_more_places(
        self, name: str, shape: tuple[int, ...], options: dict[str, Any]
    ) -> None:
        slides = check_training_size(seeded(name, **options), torch.randn(2, *shape))
        stride = {"nin": 4, "resnet20": 4}.get(name, 32)
        wide = torch.randn(1, *shape[:2], shape[2] + 2 * stride)
        assert slides(wide).shape[2:] == (1, 3)

    def test_a_net_for_signals(self) -> None:
        slides = check_training_size(seeded("m5"), torch.randn(2, 1, 8000))
        assert slides(torch.randn(1, 1, 16000)).shape[:2] == (1, 10)
        assert slides(torch.randn(1, 1, 16000)).shape[2] > 1

    def test_a_net_for_clips(self) -> None:
        slides = check_training_size(seeded("c3d_small", width=0.25), torch.randn(2, 3, 16, 32, 32))
        assert slides(torch.randn(1, 3, 24, 32, 48)).shape == (1, 10, 2, 1, 2)


class Functional(torch.nn.Module):
    """A user's net with its head in functions."""

    def __init__(self, flatten: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 4, 3)
        self.conv2 = nn.Conv2d(4, 8, 3)
        self.fc1 = torch.nn.Linear(8 * 5 * 5, 16)
        self.weight = torch.nn.Parameter(torch.randn(10, 16))
        self.bias = torch.nn.Parameter(torch.randn(10))
        self.flatten = flatten

    def forward(self, x: Tensor) -> Tensor:
        x = torch_f.max_pool2d(torch_f.relu(self.conv1(x)), 2)
        x = torch.relu(self.conv2(x))
        x = self.flatten(x)
        x = torch_f.dropout(torch_f.relu(self.fc1(x)), 0.5, self.training)
        x = x + torch.tanh(x) * 0.5
        return torch_f.log_softmax(torch_f.linear(x, self.weight, self.bias), dim=1)


class TestUsersNets:
    @pytest.mark.parametrize(
        "flatten",
        [
            lambda x: torch.flatten(x, 1),
            lambda x: torch.flatten(input=x, start_dim=1),
            lambda x: x.flatten(1),
            lambda x: x.view(x.size(0), -1),
            lambda x: x.view(-1, 8 * 5 * 5),
            lambda x: x.reshape(x.shape[0], -1),
            lambda x: x.contiguous().view(-1, 200),
            lambda x: x.transpose(2, 3).transpose(2, 3).flatten(1),
            lambda x: x.flatten(1).view(x.size(0), -1),
            torch.nn.Flatten(),
        ],
    )
    def test_any_spelling_of_flattening(self, flatten: Callable[[Tensor], Tensor]) -> None:
        torch.manual_seed(0)
        check_crops(Functional(flatten).eval(), torch.randn(1, 1, 20, 23), size=16, stride=2)

    @pytest.mark.parametrize(
        "pool",
        [
            lambda x: x.mean((2, 3)),
            lambda x: x.mean([-1, -2], keepdim=True).flatten(1),
            lambda x: torch.mean(x, dim=(2, 3)),
            lambda x: x.amax((2, 3)),
            lambda x: torch_f.adaptive_avg_pool2d(x, 1)[:, :, 0, 0],
            lambda x: torch_f.adaptive_max_pool2d(x, (1, 1)).squeeze(-1).squeeze(-1),
            lambda x: torch_f.adaptive_avg_pool2d(x, 1).squeeze(),
            lambda x: torch_f.avg_pool2d(x, x.shape[2:]).flatten(1),
            lambda x: torch_f.max_pool2d(x, x.size()[-2:]).view(x.size(0), -1),
            torch.nn.Sequential(nn.GlobalAvgPool2d(), nn.Flatten()),
            torch.nn.Sequential(nn.GlobalMaxPool2d(), nn.Flatten()),
            torch.nn.Sequential(nn.AdaptiveAvgPool2d((1, None)), nn.Flatten()),
            torch.nn.Sequential(nn.AdaptiveMaxPool2d((5, 1)), nn.Flatten()),
        ],
    )
    def test_any_spelling_of_global_pooling(self, pool: Callable[[Tensor], Tensor]) -> None:
        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv2d(1, 6, 3, stride=2)
                self.pool = pool
                self.fc = nn.Linear(pool(torch.zeros(2, 6, 10, 10)).shape[1], 3)

            def forward(self, x: Tensor) -> Tensor:
                logits: Tensor = self.fc(self.pool(self.conv(x)))
                return logits

        torch.manual_seed(0)
        # 21 pixels make 10; the map of (5, 1) is pooled by 2, and steps 4 pixels down.
        rows, columns = (4, 2) if "MaxPool2d(output_size=(5, 1))" in str(pool) else (2, 2)
        check_crops(Net(), torch.randn(2, 1, 25, 29), size=21, stride=(rows, columns))

    @pytest.mark.parametrize("d", [1, 2, 3])
    def test_a_head_with_norms_and_activations(self, d: int) -> None:
        torch.manual_seed(0)
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[d - 1](1, 4, 3)
        prototypes = torch.randn(5, 6)
        net = torch.nn.Sequential(
            *(conv, nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(4 * 2**d, 8)),
            *(nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 8, bias=False), nn.PReLU(8)),
            *(nn.LayerNorm(8, eps=1e-3), nn.Linear(8, 6), nn.ScaledTanh()),
            *(nn.RBF(6, 5, prototypes), torch.nn.Softmax(dim=-1)),
        )
        net.train()(torch.randn(64, 1, *[4] * d))  # gives the batch norm its statistics
        for layer in (net[5], net[9]):
            for parameter in layer.parameters():
                torch.nn.init.normal_(parameter)
        slides = check_training_size(net, torch.randn(3, 1, *[4] * d))
        larger = torch.randn(2, 1, *[6] * d)
        corner = larger
        for axis in range(2, 2 + d):
            corner = corner.narrow(axis, 2, 4)
        close(slides(larger).flatten(2)[..., -1], net(corner))

    def test_an_adaptive_pooling_to_more_than_one_keeps_its_windows(self) -> None:
        torch.manual_seed(0)
        net = torch.nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)
        )
        # 10 pixels make 8, pooled by 4 and not overlapping: a place each 4 pixels.
        check_crops(net, torch.randn(2, 1, 18, 14), size=10, stride=4)

    def test_a_layer_used_on_two_sizes_becomes_two(self) -> None:
        class Twice(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.pool = torch.nn.AdaptiveAvgPool2d(1)
                self.conv = nn.Conv2d(1, 3, 3)
                self.first, self.second = nn.Linear(1, 4), nn.Linear(3, 4)

            def forward(self, x: Tensor) -> Tensor:
                whole, inner = self.pool(x).flatten(1), self.pool(self.conv(x)).flatten(1)
                logits: Tensor = self.first(whole) + self.second(inner)
                return logits

        torch.manual_seed(0)
        check_crops(Twice(), torch.randn(2, 1, 9, 8), size=7, stride=1)

    def test_a_weight_may_be_used_by_its_layer_and_by_a_function(self) -> None:
        class Tied(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.fc = nn.Linear(16, 3)

            def forward(self, x: Tensor) -> Tensor:
                x = x.flatten(1)
                logits: Tensor = self.fc(x) + torch_f.linear(x * x, self.fc.weight)
                return logits

        torch.manual_seed(0)
        check_crops(Tied(), torch.randn(2, 1, 5, 6), size=4, stride=1)


class TestWhatItLeaves:
    def test_the_old_net_stays_as_it_was(self) -> None:
        net = seeded("lenet5").train()
        before = {key: value.clone() for key, value in net.state_dict().items()}
        slides = convolutionalize(net, (1, 32, 32))
        with torch.no_grad():
            for parameter in slides.parameters():
                parameter.zero_()
        assert net.training
        assert not slides.training
        assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())

    def test_random_numbers_stay_as_they_were(self) -> None:
        net = seeded("lenet5")
        torch.manual_seed(3)
        expected = torch.rand(1)
        torch.manual_seed(3)
        convolutionalize(net, (1, 32, 32))
        assert torch.equal(torch.rand(1), expected)

    def test_layers_keep_their_names_and_the_number_of_weights(self) -> None:
        net = seeded("vgg11", width=0.05)
        slides = convolutionalize(net, (3, 224, 224))
        shapes = {key: tuple(value.shape) for key, value in slides.state_dict().items()}
        assert set(shapes) == set(net.state_dict())
        hidden = net.classifier[0].out_features
        assert shapes["classifier.0.weight"] == (hidden, net.features[-3].out_channels, 7, 7)
        assert shapes["classifier.3.weight"] == (hidden, hidden, 1, 1)
        assert "avgpool" not in dict(slides.named_modules())  # 7x7 of 7x7: nothing to pool
        count = sum(p.numel() for p in net.parameters())
        assert sum(p.numel() for p in slides.parameters()) == count

    def test_it_can_be_trained_on(self) -> None:
        net = seeded("lenet5")
        net.f6.weight.requires_grad_(False)
        slides = convolutionalize(net, (1, 32, 32))
        slides(torch.randn(1, 1, 36, 36)).square().sum().backward()
        frozen = [key for key, value in slides.named_parameters() if value.grad is None]
        assert frozen == ["f6.weight"]

    def test_types_are_kept(self) -> None:
        net = seeded("lenet5").double()
        slides = convolutionalize(net, (1, 32, 32))
        x = torch.randn(2, 1, 32, 32, dtype=torch.float64)
        torch.testing.assert_close(slides(x).flatten(1), net(x), rtol=0, atol=1e-12)

    def test_an_example_batch_will_do_and_stays_as_it_was(self) -> None:
        x = torch.randn(1, 1, 32, 32)
        slides = convolutionalize(seeded("lenet5"), x.clone())
        assert slides(x).shape == (1, 10, 1, 1)

    def test_a_net_of_convolutions_stays_what_it_is(self) -> None:
        net = torch.nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1)).eval()
        x = torch.randn(1, 1, 9, 9)
        torch.testing.assert_close(convolutionalize(net, (1, 9, 9))(x), net(x))

    def test_a_smaller_image_is_refused_by_the_layer_that_needs_more(self) -> None:
        slides = convolutionalize(seeded("vgg11", width=0.05), (3, 224, 224))
        with pytest.raises(ShapeError, match=r"'classifier\.0': .* a window of 7 is longer than 6"):
            slides(torch.zeros(1, 3, 192, 192))


def net_of(*layers: torch.nn.Module | Callable[[Tensor], Tensor]) -> torch.nn.Module:
    class Steps(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for number, layer in enumerate(layers):
                setattr(self, f"step{number}", layer)

        def forward(self, x: Tensor) -> Tensor:
            for number in range(len(layers)):
                x = getattr(self, f"step{number}")(x)
            return x

    return Steps().eval()


class TestRefusals:
    @pytest.mark.parametrize(
        ("net", "message"),
        [
            (
                net_of(nn.Conv2d(1, 4, 3), nn.Flatten()),
                "the output works on a flattened map of 6x6, whose features are places",
            ),
            (
                net_of(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 3)),
                r"BatchNorm1d 'step1' works on a flattened map of 8x8",
            ),
            (
                net_of(nn.Flatten(), nn.Linear(64, 8), nn.GroupNorm(2, 8)),
                r"GroupNorm 'step2' has no counterpart that slides",
            ),
            (
                net_of(nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(9, 3)),
                r"AdaptiveAvgPool2d 'step0' makes 3x3 of the 8x8 map .* for which its map is 3x3",
            ),
            (
                net_of(nn.Flatten(), nn.Linear(64, 16), lambda x: x.view(-1, 1, 4, 4)),
                r"view\(\) turns features \(2, 16\) into \(2, 1, 4, 4\)",
            ),
            (
                net_of(lambda x: x.permute(0, 2, 3, 1).flatten(1), nn.Linear(64, 3)),
                r"flatten\(\) flattens a map whose axes were moved",
            ),
            (
                net_of(lambda x: x.flatten(2).mean(-1), nn.Linear(1, 3)),
                r"flatten\(\) turns the map \(2, 1, 8, 8\) into \(2, 1, 64\), which joins its axes",
            ),
            (
                net_of(lambda x: x[:, :, 3, 3], nn.Linear(1, 3)),
                r"getitem\(\) takes \(2, 1\) out of the map",
            ),
            (
                net_of(lambda x: x.sum((2, 3)), nn.Linear(1, 3)),
                r"sum\(\) turns the map .* neither flattened nor pooled",
            ),
            (
                net_of(nn.Conv2d(1, 4, 3), lambda x: x * x.mean((2, 3), keepdim=True).sigmoid()),
                r"mul\(\) joins maps of 1x1 and 6x6: .*squeeze and excitation",
            ),
            (
                net_of(nn.Flatten(), nn.Linear(64, 3), lambda x: torch_f.softmax(x, dim=0)),
                r"softmax\(\) runs along axis 0",
            ),
            (
                net_of(nn.Flatten(), nn.Linear(64, 3), lambda x: x - x.sum(1, keepdim=True)),
                r"sum\(\) has no counterpart that slides",
            ),
            (
                net_of(lambda x: torch_f.adaptive_max_pool2d(x, 1, True)[0].flatten(1)),
                "tells where the maxima stand",
            ),
            (
                net_of(lambda x: x if x.sum() > 0 else -x),
                "cannot be followed by torch.fx: symbolically traced variables cannot be used",
            ),
        ],
    )
    def test_the_layer_in_the_way_is_named(self, net: torch.nn.Module, message: str) -> None:
        with pytest.raises(OptionError, match=f"^convolutionalize: .*{message}"):
            convolutionalize(net, (1, 8, 8))

    def test_a_net_of_two_inputs(self) -> None:
        class Two(torch.nn.Module):
            def forward(self, x: Tensor, y: Tensor) -> Tensor:
                return x + y

        with pytest.raises(OptionError, match="takes 2 inputs; only nets that take one image"):
            convolutionalize(Two(), (1, 8, 8))

    def test_an_example_without_a_map(self) -> None:
        with pytest.raises(OptionError, match=r"example \(2, 64\) has no map to slide over"):
            convolutionalize(nn.Linear(64, 3), (64,))

    def test_an_example_that_does_not_fit_is_refused_by_the_net(self) -> None:
        with pytest.raises(ShapeError, match=r"^Conv2d 'c1': input .* 3 channels"):
            convolutionalize(seeded("lenet5"), (3, 32, 32))
