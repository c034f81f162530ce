"""Filters as they are drawn: which, in what order, on what scale."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from striate import OptionError, look
from striate.look._filters import _order


def net(*layers):
    torch.manual_seed(0)
    return nn.Sequential(*layers)


def test_filters_are_torchs_own_in_the_layers_order():
    model = net(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Conv2d(6, 4, 3))
    found = look.filters(model, "2", input_shape=(1, 16, 16))
    np.testing.assert_array_equal(found.weights, model[2].weight.detach())
    assert found.order == (0, 1, 2, 3)
    assert found.total == (4, 6)
    assert found.limit == pytest.approx(float(model[2].weight.detach().abs().max()))


def test_the_strongest_come_first():
    model = net(nn.Conv1d(1, 3, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[[1.0, 0.0]], [[3.0, 4.0]], [[0.0, -2.0]]]))
    found = look.filters(model, sort="norm", input_shape=(1, 9))
    assert found.order == (1, 2, 0)
    assert found.norms == (5.0, 2.0, 1.0)
    assert found.limit == 4.0


def test_similar_filters_stand_side_by_side():
    # From the strongest, (0, 9): the nearest by angle is (1, 3), then (2, 2), then (5, 0).
    flat = np.array([[2.0, 2.0], [0.0, 9.0], [5.0, 0.0], [1.0, 3.0]])
    assert _order(flat, "similarity") == [1, 3, 0, 2]


@given(st.integers(1, 30), st.sampled_from(["norm", "similarity", None]), st.integers(0, 9))
def test_every_filter_is_drawn_once(count, sort, seed):
    weight = np.random.default_rng(seed).normal(size=(count, 2, 3))
    weight[:: 2 + seed] = 0  # filters of zeros have no direction
    assert sorted(_order(weight, sort)) == list(range(count))


def test_three_channels_of_the_input_are_colours_and_grey_is_zero():
    model = net(nn.Conv2d(3, 2, 3), nn.Conv2d(2, 3, 1), nn.Conv2d(3, 2, 3))
    first = look.filters(model, input_shape=(3, 9, 9))
    assert first.colour
    tile = first.tiles()[0][0]
    weight = model[0].weight.detach().numpy()[0]
    np.testing.assert_allclose(tile[1, 2], 0.5 + weight[:, 1, 2] / (2 * first.limit), rtol=1e-6)
    assert not look.filters(model, "2", input_shape=(3, 9, 9)).colour  # these are no colours


def test_a_row_of_tiles_is_labelled_by_filter_and_channel():
    model = net(nn.Conv2d(2, 2, 3), nn.Conv2d(2, 20, 3))
    tiles, labels, columns = look.filters(model, "0", input_shape=(2, 9, 9)).tiles()
    assert labels == ["0 c0", "0 c1", "", "1 c0", "1 c1"]
    assert tiles[2] is None
    assert columns == 14
    weight = model[0].weight.detach().numpy()
    np.testing.assert_array_equal(tiles[4], weight[1, 1])
    assert len(look.filters(model, "1", input_shape=(2, 9, 9)).order) == 16


def test_of_many_channels_the_strongest_are_drawn():
    model = net(nn.Conv2d(5, 2, 1))
    with torch.no_grad():
        model[0].weight.copy_(
            torch.tensor([1.0, -5, 2, 4, 0]).reshape(1, 5, 1, 1).expand(2, 5, 1, 1)
        )
    found = look.filters(model, channels=2, input_shape=(5, 4, 4))
    assert found.channels == (1, 3)
    assert found.weights.ravel().tolist() == [-5, 4, -5, 4]


def test_volumes_are_drawn_slice_by_slice():
    model = net(nn.Conv3d(2, 1, (3, 2, 2)))
    tiles, labels, _ = look.filters(model, input_shape=(2, 5, 5, 5)).tiles()
    weight = model[0].weight.detach().numpy()[0]
    strongest = np.abs(weight).sum((1, 2, 3)).argmax()
    np.testing.assert_array_equal(np.stack(tiles), weight[strongest])
    assert labels == ["0 z0", "0 z1", "0 z2"]


def test_a_transposed_convolution_has_a_filter_for_each_output():
    model = net(nn.ConvTranspose2d(4, 6, 3, groups=2))
    found = look.filters(model, channels=9, input_shape=(4, 5, 5))
    weight = model[0].weight.detach().numpy()  # (in, out / groups, 3, 3)
    assert found.weights.shape == (6, 2, 3, 3)
    # Output 4 is the second of group 1, whose inputs are channels 2 and 3.
    np.testing.assert_array_equal(found.weights[4], weight[2:4, 1])


def test_a_table_of_connections_leaves_zeros():
    found = look.filters("lenet5_1998", "c3")
    assert found.weights.shape[:2] == (16, 6)
    empty = (found.weights == 0).all((2, 3))
    assert empty.sum() == 16 * 6 - 60  # Table I has 60 connections


@pytest.mark.parametrize("layer", ["c1", "c3", "f6"])
def test_each_kind_is_drawn(layer):
    assert look.filters("lenet5", layer)._repr_png_().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_told():
    with pytest.raises(OptionError, match=r"s2 \(max_pool\) has no filters; .*: c1, c3, c5, f6"):
        look.filters("lenet5", "s2")
    with pytest.raises(OptionError, match="sort='size' is not known"):
        look.filters("lenet5", sort="size")
    with pytest.raises(OptionError, match="1 or more"):
        look.filters("lenet5", count=0)
    with pytest.raises(OptionError, match="no convolution or linear layer"):
        look.filters(net(nn.ReLU()), input_shape=(1, 4, 4))
