"""Other windows: the answer is that of a network that was built with them."""

import pytest
import torch
from torch import nn

import striate
from striate import zoo
from striate.look.page._whatif import worked_out


@pytest.fixture(scope="module")
def graph():
    return striate.capture(zoo.create("lenet5").eval(), (1, 1, 32, 32))


def build(size=5, stride=1, padding=0, dilation=1):
    first = nn.Conv2d(1, 6, size, stride, padding, dilation)
    return nn.Sequential(first, nn.ReLU(), nn.Conv2d(6, 4, 3), nn.AdaptiveAvgPool2d(2))


@pytest.mark.parametrize(
    "change",
    [{"size": 3}, {"stride": 2}, {"padding": 3}, {"dilation": 2}, {"size": 7, "stride": 3}],
)
def test_as_if_it_had_been_built_so(change):
    before = striate.capture(build().eval(), (1, 1, 32, 32))
    report = striate.inspect(build(**change).eval(), (1, 1, 32, 32))
    found = worked_out(before, {"0": change})
    assert found["error"] is None
    assert found["totals"] == {"params": report.params, "macs": report.macs}
    for layer, row in zip(found["layers"], report.rows, strict=True):
        assert tuple(layer["shape"]) == row.output_shape[1:]
        assert (layer["macs"], layer["params"]) == (row.macs, row.params)
        sizes = [axis["size"] for axis in layer["field"]]
        assert sizes == [None if s == float("inf") else s for s in row.receptive_field]


def test_nothing_changed_is_the_network_itself(graph):
    found = worked_out(graph, {})
    report = striate.inspect(graph)
    assert found["totals"] == {"params": report.params, "macs": report.macs}


def test_it_tells_where_it_stops_fitting(graph):
    names = [node.name for node in graph]
    found = worked_out(graph, {"c1": {"size": 9}})  # 24, 12, 8, 4: c5 needs 5
    stuck = found["error"]["layer"]
    assert stuck == names.index("c5")
    assert found["layers"][stuck] is None
    assert all(layer is not None for layer in found["layers"][:stuck])
    assert found["layers"][names.index("c1")]["shape"] == (6, 24, 24)
    assert names[stuck] in found["error"]["text"]


def test_a_window_larger_than_the_map_is_named(graph):
    found = worked_out(graph, {"c3": {"size": 15}})
    assert found["error"]["layer"] == [node.name for node in graph].index("c3")
    assert "does not fit" in found["error"]["text"]


def test_branches_beside_the_trouble_are_still_known():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 3, padding=1)

        def forward(self, x):
            return self.a(x) + self.b(x), self.b(x)

    graph = striate.capture(Net().eval(), (1, 1, 8, 8))
    found = worked_out(graph, {"a": {"size": 5}})
    kinds = {node.name: layer for node, layer in zip(graph, found["layers"], strict=True)}
    assert [name for name, layer in kinds.items() if layer is None] == ["add"]


def test_a_shared_weight_stays_with_the_other_layer():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)

        def forward(self, x):
            return self.conv(self.conv(x))

    graph = striate.capture(Net().eval(), (1, 1, 8, 8))
    first = graph.nodes[0].name
    found = worked_out(graph, {first: {"size": 5}})
    assert [layer["shape"] for layer in found["layers"]] == [(1, 6, 6), (1, 6, 6)]
    assert found["totals"]["params"] == 25 + 9


def test_over_http(client):
    told = client.ask("api/whatif", {"changes": {"0": {"stride": 2}}}).json
    assert told["layers"][0]["shape"] == [6, 14, 14]
    assert told["error"]["text"]
    for wrong in (
        {"changes": {"99": {"size": 3}}}, {"changes": {"1": {"size": 3}}},
        {"changes": {"0": {"size": 0}}}, {"changes": {"0": {"size": 10**9}}},
        {"changes": {"0": {"size": 2.5}}}, {"changes": {"0": {"colour": 3}}},
        {"changes": {"0": 3}}, {"changes": []}, {},
    ):  # fmt: skip
        reply = client.ask("api/whatif", wrong)
        assert reply.status == 400, wrong
        assert reply.json["error"]


def test_the_network_itself_is_left_as_it_was(graph):
    torch.manual_seed(0)
    before = dict(graph.types)
    worked_out(graph, {"c1": {"size": 9, "stride": 2}})
    assert dict(graph.types) == before
