"""The linear layer: torch's results, and errors that tell where the input came from."""

from __future__ import annotations

import pytest
import torch
from torch import fx

from striate import OptionError, ShapeError, nn


@pytest.mark.parametrize("shape", [(7,), (1, 7), (0, 7), (3, 2, 7)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_outputs_and_gradients_are_torchs(
    shape: tuple[int, ...], bias: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    ours = nn.Linear(7, 5, bias, dtype=dtype)
    torch.manual_seed(0)
    theirs = torch.nn.Linear(7, 5, bias, dtype=dtype)
    assert isinstance(ours, torch.nn.Linear)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = torch.randn(shape, dtype=dtype, requires_grad=True)
    y, expected = ours(x), theirs(x)
    torch.testing.assert_close(y, expected, rtol=0, atol=0)
    seed = torch.randn_like(y)
    grads = torch.autograd.grad(y, [x, *ours.parameters()], seed)
    wanted = torch.autograd.grad(expected, [x, *theirs.parameters()], seed)
    for grad, want in zip(grads, wanted, strict=True):
        torch.testing.assert_close(grad, want, rtol=0, atol=0)


def test_two_by_two_by_hand() -> None:
    layer = nn.Linear(2, 2)
    layer.weight.data = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer.bias.data = torch.tensor([10.0, 20.0])
    # 1*5 + 2*6 + 10 = 27, 3*5 + 4*6 + 20 = 59
    assert layer(torch.tensor([5.0, 6.0])).tolist() == [27.0, 59.0]


def test_gradients() -> None:
    layer = nn.Linear(3, 2, dtype=torch.float64)
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)


def test_symbolic_tracing() -> None:
    layer, x = nn.Linear(3, 2), torch.randn(4, 3)
    torch.testing.assert_close(fx.symbolic_trace(layer)(x), layer(x))


class TestErrors:
    def test_another_number_of_features(self) -> None:
        with pytest.raises(ShapeError) as refused:
            nn.Linear(400, 120)(torch.zeros(8, 256))
        assert str(refused.value) == (
            "Linear: input (8, 256) has 256 features; in_features=400. "
            "Build the layer with in_features=256."
        )

    @pytest.mark.parametrize("flatten", [lambda x: x.flatten(1), lambda x: x.view(8, -1)])
    def test_a_flattened_map_is_remembered(self, flatten: object) -> None:
        net = torch.nn.Sequential(nn.Conv2d(1, 16, 5), nn.Flatten(), nn.Linear(400, 120))
        with pytest.raises(ShapeError) as refused:
            net(torch.zeros(8, 1, 8, 8))
        assert str(refused.value) == (
            "Linear '2': input (8, 256) has 256 features = 16 x 4 x 4 (the flattened map "
            "(8, 16, 4, 4)); in_features=400 = 16 x 5 x 5. Use an input whose map here is 5x5, or "
            "build the layer with in_features=256."
        )
        with pytest.raises(ShapeError, match="256 features = 16 x 4 x 4"):
            nn.Linear(400, 120)(flatten(torch.zeros(8, 16, 4, 4)))  # type: ignore[operator]

    def test_a_map_that_no_square_explains(self) -> None:
        with pytest.raises(ShapeError, match=r"in_features=300\. Build .* in_features=256\.$"):
            nn.Linear(300, 120)(torch.zeros(8, 16, 4, 4).flatten(1))

    def test_a_signal_and_a_volume(self) -> None:
        with pytest.raises(ShapeError, match=r"in_features=400 = 16 x 25\. .* map here is 25, or"):
            nn.Linear(400, 120)(torch.zeros(8, 16, 24).flatten(1))
        with pytest.raises(ShapeError, match="in_features=128 = 2 x 4 x 4 x 4"):
            nn.Linear(128, 5)(torch.zeros(8, 2, 3, 4, 4).flatten(1))

    def test_a_map_that_was_not_flattened(self) -> None:
        with pytest.raises(ShapeError, match=r"map of 16 x 5 x 5 = 400 .*x\.flatten\(1\)"):
            nn.Linear(400, 120)(torch.zeros(8, 16, 5, 5))

    def test_a_slice_of_something_larger_is_no_flattened_map(self) -> None:
        rows = torch.zeros(4, 3, 256)[:, 0]
        with pytest.raises(ShapeError, match=r"has 256 features; in_features=400\."):
            nn.Linear(400, 120)(rows)

    def test_sizes_are_positive(self) -> None:
        with pytest.raises(OptionError, match="in_features=0 must be a whole number of 1 or more"):
            nn.Linear(0, 3)
        with pytest.raises(OptionError, match=r"out_features=2\.5 must be"):
            nn.Linear(3, 2.5)  # type: ignore[arg-type]

    def test_types_that_differ_are_named(self) -> None:
        with pytest.raises(OptionError, match=r"dtype torch\.float64, weight has torch\.float32"):
            nn.Linear(3, 2)(torch.zeros(1, 3, dtype=torch.float64))

    def test_numpy_arrays_are_refused_with_the_way_out(self) -> None:
        with pytest.raises(OptionError, match=r"torch\.as_tensor"):
            nn.Linear(3, 2)(torch.zeros(1, 3).numpy())
