"""Maps as they are drawn: torch's own numbers, most active first."""

import numpy as np
import pytest
import torch
from torch import nn

from striate import OptionError, look


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 20, 3, padding=1), nn.BatchNorm2d(20), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(20 * 16, 5),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).uniform(0, 1, (3, 8, 8)).astype(np.float32)


def test_maps_are_torchs_and_the_most_active_come_first(model, image):
    found = look.maps(model, image, "0", count=7, input_shape=(3, 8, 8)).layers[0]
    with torch.no_grad():
        expected = model[0](torch.from_numpy(image)[None])[0].numpy()
    order = np.argsort(-np.abs(expected).mean((1, 2)), kind="stable")[:7]
    assert found.channels == tuple(order)
    np.testing.assert_allclose(found.values, expected[order], atol=1e-5)
    assert found.limit == pytest.approx(np.abs(expected).max(), rel=1e-5)
    assert list(found.activity) == sorted(found.activity, reverse=True)


def test_pairs_are_what_the_activation_reads_and_gives(model, image):
    by_conv = look.maps(model, image, "0", pairs=True, input_shape=(3, 8, 8)).layers[0]
    assert (by_conv.layer, by_conv.kind) == ("2", "relu")
    np.testing.assert_array_equal(by_conv.values, np.maximum(by_conv.before, 0))
    assert by_conv.limit == np.abs(by_conv.before).max()
    every = look.maps(model, image, pairs=True, input_shape=(3, 8, 8))
    assert [one.layer for one in every.layers] == ["2"]


def test_all_layers_but_those_that_only_change_the_form(model, image):
    found = look.maps(model, image, input_shape=(3, 8, 8))
    assert [one.layer for one in found.layers] == ["0", "1", "2", "3", "5"]
    assert [len(one.channels) for one in found.layers] == [12, 12, 12, 12, 5]
    assert found.layers[-1].channels == (0, 1, 2, 3, 4)  # a vector keeps its order
    np.testing.assert_allclose(found.shown, image.transpose(1, 2, 0), atol=1e-6)


def test_silent_channels_are_counted(image):
    quiet = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    with torch.no_grad():
        quiet[0].bias.copy_(torch.tensor([9.0, -9, 9, -9]))
    assert look.maps(quiet, image, "1", input_shape=(3, 8, 8)).layers[0].silent == 2


def test_one_run_serves_many_figures(model, image):
    seen = look.open_subject(model, (3, 8, 8)).run(image)
    assert look.maps(None, seen, "3").layers[0].shape == (20, 4, 4)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([nn.Conv1d(1, 3, 3), nn.Tanh(), nn.Conv1d(3, 14, 3)], (1, 20)),
        ([nn.Conv3d(1, 2, 2), nn.ReLU()], (1, 4, 5, 6)),
        ([nn.Conv2d(2, 3, 2), nn.AdaptiveAvgPool2d(1)], (2, 4, 4)),
        ([nn.Conv2d(1, 3, 1)], (1, 1, 1)),
    ],
)
@pytest.mark.parametrize("pairs", [False, True])
def test_any_number_of_axes_is_drawn(layers, shape, pairs):
    model = nn.Sequential(*layers)
    x = np.linspace(-1, 1, int(np.prod(shape))).reshape(shape)
    if pairs and not any(isinstance(layer, nn.ReLU | nn.Tanh) for layer in layers):
        with pytest.raises(OptionError, match="no activations"):
            look.maps(model, x, pairs=True, input_shape=shape)
        return
    assert look.maps(model, x, pairs=pairs, input_shape=shape)._repr_png_().startswith(b"\x89PNG")


def test_what_is_not_a_number_is_drawn_all_the_same(model, image):
    broken = image.copy()
    broken[0, 0, 0] = np.nan
    found = look.maps(model, broken, "0", input_shape=(3, 8, 8))
    assert np.isfinite(found.layers[0].limit)
    assert found._repr_png_().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_told(model, image):
    with pytest.raises(OptionError, match="5: no activation reads it alone"):
        look.maps(model, image, "5", pairs=True, input_shape=(3, 8, 8))
    with pytest.raises(OptionError, match="there is no layer 'conv9'"):
        look.maps(model, image, "conv9", input_shape=(3, 8, 8))
    with pytest.raises(OptionError, match="1 map or more"):
        look.maps(model, image, count=0, input_shape=(3, 8, 8))
