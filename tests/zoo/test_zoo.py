"""The zoo: published parameter counts and multiply-adds, torchvision's names, and that all run."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from striate import OptionError, ShapeError, zoo
from striate.zoo.convnext import StochasticDepth

# Parameters as published with torchvision's weights; the rest counted by hand from the papers.
PARAMETERS = {
    "lenet5": 61_706,
    "lenet5_1998": 60_000,
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnext50_32x4d": 25_028_904,
    "mobilenet_v2": 3_504_872,
    "efficientnet_b0": 5_288_548,
    "convnext_tiny": 28_589_128,
    "mobilenet_v1": 4_231_976,
    "resnet20": 269_722,
}
MACS = {
    "alexnet": 714_188_480,
    "vgg16": 15_470_264_320,
    "resnet18": 1_814_073_344,
    "resnet50": 4_089_184_256,
    "mobilenet_v2": 300_774_272,
    "efficientnet_b0": 385_814_752,
    "convnext_tiny": 4_455_531_264,
}
# Inputs as small as each net takes, so that the tests are quick.
SMALL = {
    (3, 224, 224): (3, 64, 64),
    (1, 128, 128): (1, 32, 32),
    (3, 16, 56, 56): (3, 8, 16, 16),
}


def small_net(name: str) -> tuple[torch.nn.Module, tuple[int, ...]]:
    shape = zoo.info(name).input_shape
    narrow = {} if name in ("lenet5", "lenet5_1998", "m5") else {"width": 0.25}
    return zoo.create(name, num_classes=7, **narrow), SMALL.get(shape, shape)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_as_published(name: str) -> None:
    with torch.device("meta"):
        net = zoo.create(name)
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", MACS)
def test_multiply_adds_are_as_published(name: str) -> None:
    with torch.device("meta"):
        net = zoo.create(name).eval()
        x = torch.zeros(1, *zoo.info(name).input_shape)
        with FlopCounterMode(display=False) as counter:
            net(x)
    assert counter.get_total_flops() == 2 * MACS[name]


@pytest.mark.parametrize("name", ["vgg16", "vgg11"])
def test_batch_norm_adds_its_own_parameters(name: str) -> None:
    with torch.device("meta"):
        plain, normed = zoo.create(name), zoo.create(name, batch_norm=True)
    channels = sum(m.out_channels for m in plain.modules() if isinstance(m, torch.nn.Conv2d))
    count = [sum(p.numel() for p in net.parameters()) for net in (plain, normed)]
    assert count[1] - count[0] == 2 * channels


@pytest.mark.parametrize("name", zoo.list())
def test_every_net_runs_and_every_parameter_learns(name: str) -> None:
    torch.manual_seed(0)
    net, shape = small_net(name)
    x = torch.rand(2, *shape)
    out = net(x)
    assert out.shape[:2] == (2, 7)
    out.square().sum().backward()
    still = [key for key, p in net.named_parameters() if p.grad is None]
    assert not still


@pytest.mark.parametrize("name", zoo.list())
def test_an_image_is_judged_by_itself_at_test_time(name: str) -> None:
    torch.manual_seed(0)
    net, shape = small_net(name)
    net.eval()
    x = torch.rand(3, *shape)
    with torch.no_grad():
        torch.testing.assert_close(net(x)[1:2], net(x[1:2]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", zoo.list())
def test_channels_read_can_be_chosen(name: str) -> None:
    _, shape = small_net(name)
    with torch.device("meta"):
        narrow = {} if "lenet" in name else {"width": 0.5}
        net = zoo.create(name, in_channels=5, **narrow).eval()
        assert net(torch.zeros(2, 5, *shape[1:])).shape[0] == 2


# The first, some middle and the last keys of torchvision's state_dicts, with the keys' number.
KEYS = {
    "alexnet": (16, ["features.0.weight", "features.10.bias", "classifier.6.weight"]),
    "vgg16": (32, ["features.0.weight", "features.28.bias", "classifier.3.weight"]),
    "resnet18": (122, ["conv1.weight", "layer2.0.downsample.1.running_var", "fc.bias"]),
    "resnet50": (320, ["bn1.num_batches_tracked", "layer4.2.conv3.weight", "fc.weight"]),
    "resnext50_32x4d": (320, ["layer1.0.conv2.weight", "layer3.5.bn3.running_mean"]),
    "mobilenet_v2": (
        314,
        [
            "features.0.0.weight",
            "features.1.conv.0.0.weight",
            "features.1.conv.1.weight",
            "features.2.conv.2.weight",
            "features.17.conv.3.bias",
            "features.18.1.running_mean",
            "classifier.1.bias",
        ],
    ),
    "efficientnet_b0": (
        360,
        [
            "features.0.0.weight",
            "features.1.0.block.0.1.running_mean",
            "features.1.0.block.1.fc1.bias",
            "features.2.0.block.2.fc2.weight",
            "features.7.0.block.3.0.weight",
            "features.8.1.num_batches_tracked",
            "classifier.1.bias",
        ],
    ),
    "convnext_tiny": (
        182,
        [
            "features.0.0.weight",
            "features.0.1.bias",
            "features.1.0.layer_scale",
            "features.1.0.block.0.weight",
            "features.1.0.block.2.bias",
            "features.1.0.block.5.bias",
            "features.2.0.weight",
            "features.2.1.weight",
            "classifier.0.weight",
            "classifier.2.bias",
        ],
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_state_dict_keys_are_torchvisions(name: str) -> None:
    with torch.device("meta"):
        keys = list(zoo.create(name).state_dict())
    number, some = KEYS[name]
    assert len(keys) == number
    assert set(some) <= set(keys)


# Where torchvision's convolutions stand in `features`, the pooling and ReLU layers in between.
CONVOLUTIONS = {
    ("alexnet", False): [0, 3, 6, 8, 10],
    ("vgg11", False): [0, 3, 6, 8, 11, 13, 16, 18],
    ("vgg13", False): [0, 2, 5, 7, 10, 12, 15, 17, 20, 22],
    ("vgg16", False): [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
    ("vgg16", True): [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40],
    ("vgg19", False): [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34],
}


@pytest.mark.parametrize(("name", "batch_norm"), CONVOLUTIONS)
def test_convolutions_stand_where_torchvisions_do(name: str, batch_norm: bool) -> None:
    with torch.device("meta"):
        net = zoo.create(name, **({"batch_norm": True} if batch_norm else {}))
    state = net.state_dict()
    numbers = [int(k.split(".")[1]) for k, v in state.items() if "features" in k and v.dim() == 4]
    assert numbers == CONVOLUTIONS[name, batch_norm]
    if batch_norm:
        assert all(f"features.{number + 1}.running_mean" in state for number in numbers)


def test_all_keys_of_resnet18_are_torchvisions() -> None:
    def norm(path: str) -> list[str]:
        names = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        return [f"{path}.{name}" for name in names]

    expected = ["conv1.weight", *norm("bn1")]
    for block in [f"layer{stage}.{index}" for stage in (1, 2, 3, 4) for index in (0, 1)]:
        for number in (1, 2):
            expected += [f"{block}.conv{number}.weight", *norm(f"{block}.bn{number}")]
        if block in ("layer2.0", "layer3.0", "layer4.0"):
            expected += [f"{block}.downsample.0.weight", *norm(f"{block}.downsample.1")]
    with torch.device("meta"):
        assert list(zoo.resnet18().state_dict()) == [*expected, "fc.weight", "fc.bias"]


@pytest.mark.parametrize(
    "name", sorted({*KEYS, "vgg11", "vgg13", "vgg19", "resnet34", "resnet101"})
)
def test_torchvisions_weights_load(name: str) -> None:
    models = pytest.importorskip("torchvision", reason="torchvision is not installed").models
    with torch.device("meta"):
        theirs = getattr(models, name)(weights=None).state_dict()
        ours = zoo.create(name).state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


@pytest.mark.parametrize("name", zoo.list())
def test_what_info_tells_is_what_the_builder_builds(name: str) -> None:
    defaults = inspect.signature(getattr(zoo, name)).parameters
    info = zoo.info(name)
    assert info.input_shape[0] == defaults["in_channels"].default
    assert info.num_classes == defaults["num_classes"].default
    assert info.summary.endswith(".")
    assert "\n" not in info.summary


@pytest.mark.parametrize("name", [name for name in zoo.list() if name != "lenet5_1998"])
def test_half_the_width_is_about_a_quarter_of_the_weights(name: str) -> None:
    with torch.device("meta"):
        full, half = zoo.create(name), zoo.create(name, width=0.5)
    counts = [
        sum(m.weight.numel() for m in net.modules() if isinstance(m, torch.nn.modules.conv._ConvNd))
        for net in (full, half)
    ]
    assert 0.2 < counts[1] / counts[0] < 0.6  # depthwise and first layers shrink by less


def test_lenet5s_maps_move_with_the_image() -> None:
    torch.manual_seed(0)
    maps = zoo.lenet5(width=0.5)[: list(dict(zoo.lenet5().named_children())).index("c5")]
    image = torch.randn(1, 1, 40, 40)
    # Two poolings: four pixels in the image are one in S4.
    torch.testing.assert_close(
        maps(image[..., 4:, :-4])[..., 1:], maps(image[..., 4:, 4:])[..., :-1]
    )


def test_a_cifar_shortcut_takes_every_second_pixel_and_adds_empty_channels() -> None:
    shortcut = zoo.resnet20(width=0.25).layer2[0].downsample
    x = torch.arange(64.0).reshape(1, 4, 4, 4)
    out = shortcut(x)
    assert out.shape == (1, 8, 2, 2)
    assert out[0, 2].tolist() == [[0.0, 2.0], [8.0, 10.0]]
    assert out[0, :2].count_nonzero() + out[0, 6:].count_nonzero() == 0


def test_stochastic_depth_drops_whole_samples_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer, x = StochasticDepth(0.25), torch.ones(4000, 2, 3, 3)
    out = layer(x)
    assert out.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(out.amax((1, 2, 3)), out.amin((1, 2, 3)))
    assert out.mean().item() == pytest.approx(1, abs=0.04)  # 4 standard deviations
    assert layer.eval()(x) is x


class TestLeNet1998:
    def test_parameters_layer_by_layer(self) -> None:
        counts = {
            name: sum(p.numel() for p in layer.parameters())
            for name, layer in zoo.lenet5_1998().named_children()
        }
        paper = {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164, "output": 0}
        assert {name: counts[name] for name in paper} == paper
        assert sum(counts.values()) == 60000

    def test_the_table_is_the_papers(self) -> None:
        # Table I by rows: the maps of C3 that read each map of S2.
        readers = {
            0: {0, 4, 5, 6, 9, 10, 11, 12, 14, 15},
            1: {0, 1, 5, 6, 7, 10, 11, 12, 13, 15},
            2: {0, 1, 2, 6, 7, 8, 11, 13, 14, 15},
            3: {1, 2, 3, 6, 7, 8, 9, 12, 14, 15},
            4: {2, 3, 4, 7, 8, 9, 10, 12, 13, 15},
            5: {3, 4, 5, 8, 9, 10, 11, 13, 14, 15},
        }
        table = zoo.lenet5_1998().c3.table
        assert [len(row) for row in table] == [3] * 6 + [4] * 9 + [6]
        for channel, expected in readers.items():
            assert {o for o, row in enumerate(table) if channel in row} == expected

    def test_the_output_is_largest_for_the_drawn_digit(self) -> None:
        output = zoo.lenet5_1998().output
        assert output(output.prototypes).argmax(1).tolist() == list(range(10))
        assert torch.equal(output(output.prototypes).diagonal(), torch.zeros(10))

    def test_letters_are_refused(self) -> None:
        with pytest.raises(OptionError, match="drawings of the ten digits"):
            zoo.lenet5_1998(num_classes=26)


class TestErrors:
    def test_an_unknown_net_names_its_neighbours(self) -> None:
        with pytest.raises(OptionError, match=r"no network 'resnet19'.*resnet18"):
            zoo.create("resnet19")

    def test_an_unknown_option_names_the_known(self) -> None:
        with pytest.raises(OptionError, match=r"no option 'batchnorm'.*batch_norm, dropout"):
            zoo.create("vgg11", batchnorm=True)

    def test_widths_must_be_possible(self) -> None:
        with pytest.raises(OptionError, match=r"resnet18: width=0 must be a factor above 0"):
            zoo.create("resnet18", width=0)
        with pytest.raises(OptionError, match="part of its definition"):
            zoo.create("lenet5_1998", width=2)

    def test_an_image_too_small_names_the_layer(self) -> None:
        with pytest.raises(ShapeError, match=r"MaxPool2d 'features\.12'"):
            zoo.alexnet(width=0.1)(torch.zeros(1, 3, 40, 40))

    def test_unet_says_what_to_pad_to(self) -> None:
        with pytest.raises(ShapeError, match=r"multiples of 4\. Pad it to 32x36"):
            zoo.unet(width=0.1, depth=2)(torch.zeros(1, 1, 30, 33))

    @pytest.mark.parametrize(
        ("name", "options", "text"),
        [
            ("lenet5", {"in_channels": "3"}, "in_channels='3' must be a whole number"),
            ("lenet5", {"num_classes": 1.5}, "num_classes=1.5 must be a whole number"),
            ("lenet5", {"num_classes": True}, "num_classes=True must be a whole number"),
            ("lenet5", {"width": float("nan")}, "width=nan must be a factor"),
            ("lenet5", {"width": float("inf")}, "width=inf must be a factor"),
            ("vgg11", {"batch_norm": "no"}, "batch_norm='no' must be True or False"),
            ("alexnet", {"dropout": 2}, "dropout=2 must be a probability"),
            ("convnext_tiny", {"stochastic_depth": 1.0}, "must be a probability"),
            ("unet", {"depth": 0}, "depth=0 must be a whole number"),
            ("m5", {"stride": 0}, "stride=0 must be a whole number"),
        ],
    )
    def test_wrong_values_are_refused(self, name: str, options: dict[str, Any], text: str) -> None:
        with pytest.raises(OptionError, match=text):
            zoo.create(name, **options)
        with pytest.raises(OptionError, match=text):
            getattr(zoo, name)(**options)

    def test_spelling_is_forgiven_in_the_hint(self) -> None:
        with pytest.raises(OptionError, match=r"'ResNet-18'\. Near it are resnet18"):
            zoo.create("ResNet-18")

    def test_the_narrowest_resnext_still_has_its_groups(self) -> None:
        with torch.device("meta"):
            net = zoo.resnext50_32x4d(width=0.01)
        assert net.layer1[0].conv2.groups == 32
