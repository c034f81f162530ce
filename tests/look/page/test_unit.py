"""What the page tells of a unit: its value as a sum, its box, and the units that read it."""

import numpy as np
import pytest
import torch
from torch import nn

from striate import capture
from striate.inspection import look_at_unit
from striate.look.page._unit import _feed


def ask(client, layer, channel, place=""):
    run = client.ask("api/runs", {"sample": 0}).json["id"]
    number = client.layer(layer)
    return client.ask(f"api/runs/{run}/unit/{number}?channel={channel}&place={place}"), run


def test_a_units_sum_is_torchs_value(client, net):
    reply, run = ask(client, "c3", 7, "2,9")
    told = reply.json
    x = torch.from_numpy(client.session.run(run).input)
    caught = []
    handle = net.c3.register_forward_hook(lambda m, i, output: caught.append(output))
    with torch.no_grad():
        net(x)
    handle.remove()
    assert told["value"] == pytest.approx(float(caught[0][0, 7, 2, 9]), abs=1e-5)
    assert told["sum"]["total"] == pytest.approx(told["value"], abs=1e-5)
    assert told["sum"]["terms_total"] == len(told["sum"]["terms"]) == 150
    made = sum(term["product"] for term in told["sum"]["terms"]) + told["sum"]["bias"]
    assert made == pytest.approx(told["sum"]["total"], rel=1e-9)
    term = told["sum"]["terms"][30]
    weight = net.c3.weight.detach()[7]
    at = (term["channel"], *term["offset"])
    assert term["w"] == pytest.approx(float(weight[at]))
    assert term["product"] == term["x"] * term["w"]
    assert term["place"] == [2 + term["offset"][0], 9 + term["offset"][1]]
    assert told["sum"]["after"]["value"] == pytest.approx(max(told["value"], 0), abs=1e-6)


def test_the_boxes_are_inspects(client):
    told = ask(client, "c3", 0, "4,1")[0].json
    graph = client.session.subject.graph
    unit = look_at_unit(graph, "c3", (4, 1))
    assert told["box"] == [list(pair) for pair in unit.box]
    assert told["visible"] == [list(pair) for pair in unit.visible]
    assert told["previous"]["layer"] == client.layer("s2")
    assert told["previous"]["box"] == [[4, 9], [1, 6]]


def test_long_sums_show_the_largest_products_and_the_rest(client):
    told = ask(client, "c5", 3, "0,0")[0].json["sum"]
    assert (told["terms_total"], told["terms_shown"]) == (400, 64)
    shown = sum(term["product"] for term in told["terms"])
    assert shown + told["rest"] + told["bias"] == pytest.approx(told["total"], rel=1e-9)
    smallest = min(abs(term["product"]) for term in told["terms"])
    assert smallest > 0


def test_a_unit_of_a_vector_has_no_place(client):
    told = ask(client, "output", 4)[0].json
    assert told["place"] == []
    assert told["sum"]["terms_total"] == 84
    assert told["box"] == [[0, 32], [0, 32]]


def test_units_that_are_not_there(client):
    assert ask(client, "c1", 6, "0,0")[0].status == 404
    assert ask(client, "c1", 0, "28,0")[0].status == 404
    assert ask(client, "c1", 0)[0].status == 404
    assert ask(client, "c1", 0, "a,b")[0].status == 422
    assert ask(client, "c1", 0, "-1,0")[0].status == 422


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.Conv2d(4, 6, 3, stride=1, dilation=2, padding=1, groups=2),
        nn.Conv2d(4, 4, 3, groups=4),
        nn.ConvTranspose2d(4, 3, 3, stride=2),
        nn.MaxPool2d(3, 2, 1),
        nn.AvgPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_feeds_counts_the_outputs_that_change(layer):
    """Units that read a unit are those that move when it does (a large one moves maxima too)."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 1), layer).eval()
    graph = capture(net, (1, 1, 7, 8))
    first, reader = graph.nodes[0], graph.nodes[1]
    numbers = {node.name: i for i, node in enumerate(graph.nodes)}
    maps = torch.rand(1, 4, 7, 8).double()
    for index in ((0, 0, 0), (3, 6, 7), (1, 3, 4), (2, 2, 5)):
        moved = maps.clone()
        moved[(0, *index)] += 10
        with torch.no_grad():
            change = layer.double()(moved) != layer(maps)
        told = _feed(graph, first, index, reader, numbers)
        assert told["units"] == int(change.sum()), index
        if told["boxes"] and change.any():
            for axis, (start, stop) in enumerate(told["boxes"]):
                others = tuple(a for a in range(change.dim()) if a != axis + 2)
                along = np.flatnonzero(change.numpy().any(others))
                assert (start, stop) == (along[0], along[-1] + 1)
