"""What is measured by running: effective fields, boxes by gradient, times."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate import capture, zoo
from striate.errors import OptionError
from striate.inspection import check_box, effective_field, measure


def stack(depth: int) -> nn.Sequential:
    """3x3 convolutions with all weights equal: the field's weights are binomial."""
    net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(depth)))
    for weight in net.parameters():
        nn.init.constant_(weight, 1.0)
    return net


def test_the_effective_field_of_two_box_filters_by_hand() -> None:
    # 1 1 1 * 1 1 1 = 1 2 3 2 1 along each axis; in the plane the outer product, over 9.
    found = effective_field(stack(2), "1", (1, 1, 9, 9), samples=2)
    line = torch.tensor([1.0, 2, 3, 2, 1], dtype=torch.float64)
    expected = torch.zeros(9, 9, dtype=torch.float64)
    expected[2:7, 2:7] = torch.outer(line, line) / 9
    assert torch.tensor(found.weight).allclose(expected)
    assert found.unit.box == ((2, 7), (2, 7))
    assert found.size() == 5
    assert found.size(share=0.5) == pytest.approx(5**0.5)  # 3*3 and four times 3*2 are over 4.5


def test_the_effective_field_grows_slower_than_the_theoretical_one() -> None:
    # Luo et al. 2016, section 2.2: with n layers it grows with the root of n.
    small, large = (effective_field(stack(n), str(n - 1), (1, 1, 41, 41)) for n in (4, 16))
    assert (small.unit.box[0], large.unit.box[0]) == ((16, 25), (4, 37))
    assert large.size() < 33 * 0.75
    assert large.size() / small.size() == pytest.approx(2, rel=0.25)


@pytest.mark.parametrize(
    ("name", "layer", "size"), [("lenet5", "c3", 32), ("resnet20", "layer2.0.conv1", 32)]
)
def test_boxes_of_the_zoo_by_gradient(name: str, layer: str, size: int) -> None:
    channels = zoo.info(name).input_shape[0]
    net = zoo.create(name)
    for place in ((0, 0), (3, 5)):
        assert check_box(net, layer, (1, channels, size, size), place=place).exact


def test_a_layer_that_is_no_module_is_refused() -> None:
    with pytest.raises(OptionError, match=r"'c9' is no module .*Near it: 'c"):
        effective_field(zoo.create("lenet5"), "c9", (1, 1, 32, 32))


def test_times_of_all_modules_add_up_to_the_pass() -> None:
    net = zoo.create("lenet5").eval()
    found = measure(net, capture(net, (1, 1, 32, 32)), repeats=3)
    assert {row.name for row in found.rows} >= {"c1", "c3", "c5", "f6", "output"}
    assert all(row.median_ms >= 0 for row in found.rows)
    assert "forward pass" in found.to_text()
    assert found.repeats == 3


def test_a_file_cannot_be_measured() -> None:
    graph = capture(nn.ReLU(), (1, 3))
    with pytest.raises(OptionError, match="torch module"):
        measure(graph, graph)  # type: ignore[arg-type]
