"""Predicted memory against what torch allocates and keeps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate import capture, inspect, zoo
from striate.errors import OptionError
from striate.inspection import measure

# At a batch of 2, with small inputs where the network takes them, so that the test stays quick.
NETS = {
    "lenet5": (1, 32, 32),
    "lenet5_1998": (1, 32, 32),
    "alexnet": (3, 64, 64),
    "vgg11": (3, 64, 64),
    "nin": (3, 32, 32),
    "resnet20": (3, 32, 32),
    "resnet50": (3, 64, 64),
    "mobilenet_v1": (3, 64, 64),
    "mobilenet_v2": (3, 64, 64),
    "convnext_tiny": (3, 64, 64),
    "unet": (1, 64, 64),
    "m5": (1, 4000),
    "c3d_small": (3, 16, 56, 56),
}


@pytest.mark.parametrize("name", NETS)
def test_predicted_memory_is_what_torch_uses_within_5_percent(name: str) -> None:
    net = zoo.create(name).eval()
    found = measure(net, capture(net, (2, *NETS[name])), repeats=1)
    assert found.predicted_peak_bytes == pytest.approx(found.measured_peak_bytes, rel=0.05)
    assert found.predicted_saved_bytes == pytest.approx(found.measured_saved_bytes, rel=0.05)


class Odds(nn.Module):
    """In-place functions, a gate, a view, a slice, a dropout: each keeps other things."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.GroupNorm(2, 8)
        self.squeeze = nn.Conv2d(8, 8, 1)
        self.act = nn.Hardswish(inplace=True)
        self.head = nn.Linear(4 * 14 * 14, 5)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pass by all of them."""
        x = self.act(self.norm(self.conv(x)))
        gate = torch.sigmoid(self.squeeze(x.mean((2, 3), keepdim=True)))
        x = torch.relu_(x * gate)[:, :4]
        return torch.log_softmax(self.head(self.drop(x.flatten(1))), 1)


def test_predicted_memory_of_odd_operations() -> None:
    net = Odds().eval()
    found = measure(net, capture(net, (2, 3, 16, 16)), repeats=1)
    assert found.predicted_peak_bytes == pytest.approx(found.measured_peak_bytes, rel=0.05)
    assert found.predicted_saved_bytes == pytest.approx(found.measured_saved_bytes, rel=0.05)


def test_peak_by_hand() -> None:
    # Maps of 4*8*8 floats = 1024 bytes. In conv 2 its input and its output are alive, the network's
    # input (256 bytes) is not any more; the ReLU is in place.
    net = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 1))
    report = inspect(net, (1, 8, 8))
    assert report.peak_memory_inference == 2048
    assert report.memory.alive == {"0": 1280, "1": 1024, "2": 2048}
    assert report.memory.peak_node == "2"
    assert report.saved_for_backward == 256 + 1024  # conv 0's input, the ReLU's output


def test_training_adds_gradients_and_the_optimizers_state() -> None:
    net = nn.Linear(10, 10, bias=False)
    for optimizer, states in (("sgd", 0), ("momentum", 1), ("adam", 2), ("adamw", 2)):
        report = inspect(net, (1, 10), optimizer=optimizer)
        assert report.peak_memory_training == 40 + 400 + states * 400
    with pytest.raises(OptionError, match="adagrad"):
        inspect(net, (1, 10), optimizer="adagrad")


def test_frozen_weights_keep_nothing_and_have_no_gradient() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
    for weight in net[0].parameters():
        weight.requires_grad_(False)
    report = inspect(net, (1, 8, 8))
    assert (report.frozen_params, report.trainable_params) == (40, 290)
    assert report.saved_for_backward == 4 * 36 * 4  # the linear layer's input alone
    assert report["0"].backward_macs == 0


def test_the_largest_batch_fits_and_one_more_does_not() -> None:
    net = nn.Conv2d(1, 4, 1, bias=False)
    report = inspect(net, (1, 100, 100))
    # Test time: 16 bytes of weights, 50,000 bytes of maps an image.
    assert report.largest_batch((16 + 3 * 200_000) / 1e9, training=False) == 3
    assert report.largest_batch((16 + 3 * 200_000 - 1) / 1e9, training=False) == 2


def test_measuring_leaves_the_network_as_it_was() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    measure(net, capture(net, (2, 1, 8, 8)), repeats=1)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(weight.grad is None for weight in net.parameters())
