"""LeNet-5's own layers, by hand and against dense ones."""

from __future__ import annotations

import math

import pytest
import torch

from striate import OptionError, ShapeError, nn


def test_scaled_tanh_is_one_at_one() -> None:
    x = torch.tensor([-1.0, 0.0, 1.0, 50.0], dtype=torch.float64)
    expected = [1.7159 * math.tanh(2 / 3 * v) for v in x.tolist()]
    assert nn.ScaledTanh()(x).tolist() == pytest.approx(expected)
    assert expected[2] == pytest.approx(1, abs=1e-4)


def test_subsampling_by_hand() -> None:
    layer = nn.Subsample2d(2, 2)
    layer.weight.data, layer.bias.data = torch.tensor([0.5, -1.0]), torch.tensor([1.0, 2.0])
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(1, 2, 2, 2)
    # 0.5 * 10 + 1 and -1 * 10 + 2
    assert layer(x).flatten().tolist() == [6.0, -8.0]
    assert sum(p.numel() for p in nn.Subsample2d(6, 2).parameters()) == 12


def test_subsampling_refuses_other_channels() -> None:
    with pytest.raises(ShapeError, match=r"Subsample2d '0': .* has 5 channels; .* built for 6"):
        torch.nn.Sequential(nn.Subsample2d(6, 2))(torch.zeros(1, 5, 4, 4))


def test_a_table_is_a_dense_convolution_with_zeros() -> None:
    table = [(0, 2), (1,), (0, 1, 2)]
    layer = nn.TableConv2d(3, 3, 3, table, padding=1)
    dense = nn.Conv2d(3, 3, 3, padding=1)
    dense.weight.data.zero_()
    pairs = [(o, c) for o, row in enumerate(table) for c in row]
    for filter_, (o, c) in zip(layer.weight.data, pairs, strict=True):
        dense.weight.data[o, c] = filter_
    dense.bias.data = layer.bias.data
    x = torch.randn(2, 3, 6, 7)
    torch.testing.assert_close(layer(x), dense(x))


def test_only_listed_pairs_have_parameters_and_gradients() -> None:
    layer = nn.TableConv2d(3, 2, 2, [(0, 1), (2,)], bias=False, dtype=torch.float64)
    assert layer.weight.shape == (3, 2, 2)
    x = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert list(layer.state_dict()) == ["weight"]


@pytest.mark.parametrize(
    "table",
    [[(0,)], [(0,), ()], [(0,), (3,)], [(0, 0), (1,)], [(0,), (-1,)], [0, 1], [(0.5,), (1,)]],
)
def test_tables_that_make_no_sense_are_refused(table: list) -> None:
    with pytest.raises(OptionError, match="table"):
        nn.TableConv2d(3, 2, 2, table)


def test_rbf_by_hand() -> None:
    layer = nn.RBF(2, 2, torch.tensor([[1.0, 1.0], [-1.0, 1.0]]))
    # (3-1)^2 + (0-1)^2 = 5 and (3+1)^2 + (0-1)^2 = 17
    assert layer(torch.tensor([[3.0, 0.0]])).tolist() == [[-5.0, -17.0]]
    assert not list(layer.parameters())


def test_rbf_measures_at_each_place_of_a_map() -> None:
    layer, x = nn.RBF(4, 3), torch.randn(2, 4, 5, 6)
    torch.testing.assert_close(layer(x)[:, :, 2, 3], layer(x[:, :, 2, 3]))


def test_rbf_refuses_other_sizes() -> None:
    with pytest.raises(ShapeError, match=r"prototypes \(2, 2\) must be"):
        nn.RBF(3, 2, torch.zeros(2, 2))
    with pytest.raises(ShapeError, match=r"must be \(N, 3\)"):
        nn.RBF(3, 2)(torch.zeros(1, 4))


def test_features_are_counted_and_prototypes_may_be_a_list() -> None:
    with pytest.raises(OptionError, match="in_features=0 must be"):
        nn.RBF(0, 2)
    assert nn.RBF(2, 1, [[1, -1]])(torch.tensor([[1.0, 1.0]])).tolist() == [[-4.0]]
