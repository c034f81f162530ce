"""What the page shows of one input: the network's own numbers."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from striate.look.page._maps import shrink


def picture(seed: int = 0, size: tuple[int, int] = (32, 32)) -> tuple[bytes, torch.Tensor]:
    """A PNG, and what the network gets of it."""
    pixels = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue(), torch.from_numpy(pixels[None, None] / np.float32(255))


def test_model_tells_layers_shapes_and_windows(client, net):
    told = client.ask("api/model").json
    assert told["input"] == {
        "name": told["input"]["name"], "shape": [1, 32, 32], "kind": "image", "channels": 1,
        "sample_rate": None, "accept": told["input"]["accept"],
    }  # fmt: skip
    assert ".png" in told["input"]["accept"]
    first = told["layers"][0]
    assert (first["name"], first["kind"], first["shape"]) == ("c1", "conv", [6, 28, 28])
    assert first["inputs"] == [-1]
    assert first["weights"] == [6, 1, 5, 5]
    assert first["window"] == [{"size": 5, "stride": 1, "dilation": 1, "before": 0, "after": 0}] * 2
    c3 = told["layers"][client.layer("c3")]
    assert [axis["size"] for axis in c3["field"]] == [14, 14]
    assert told["layers"][c3["readers"][0]]["inputs"] == [c3["id"]]
    assert told["totals"]["params"] == sum(p.numel() for p in net.parameters())
    assert any(f["name"] == "MACs" and "outputs *" in f["text"] for f in c3["formulas"])


def test_blocks_hold_every_layer_once():
    from striate import capture, zoo
    from striate.look.page._model import blocks

    graph = capture(zoo.create("resnet20").eval(), (1, 3, 32, 32))
    root = blocks(graph)

    def layers(block):
        return block["layers"] + [n for inner in block["blocks"] for n in layers(inner)]

    assert sorted(layers(root)) == list(range(len(graph)))
    names = {inner["path"] for inner in root["blocks"]}
    stage = next(inner for inner in root["blocks"] if inner["blocks"])
    assert all(inner["path"].startswith(f"{stage['path']}.") for inner in stage["blocks"])
    assert "" not in names


def test_maps_are_torchs(client, net):
    content, x = picture()
    run = client.ask("api/runs", content).json
    found = client.ask(f"api/runs/{run['id']}/maps/0?side=0").array
    with torch.no_grad():
        expected = net.c1(x)[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(client.ask(f"api/runs/{run['id']}/input").array, x[0])
    told = run["layers"][0]
    assert told["max"] == pytest.approx(expected.max(), rel=1e-6)
    assert told["mean"] == pytest.approx(expected.mean(), abs=1e-6)
    assert told["limit"] == pytest.approx(np.abs(expected).max(), rel=1e-6)
    assert told["order"] == np.argsort(-np.abs(expected).mean((1, 2)), kind="stable").tolist()
    busiest = np.abs(expected[told["order"][0]])
    assert busiest[tuple(told["peak"])] == busiest.max()
    with torch.no_grad():
        shares = net(x).softmax(1)[0]
    assert run["prediction"][0]["probability"] == pytest.approx(float(shares.max()), rel=1e-5)
    assert run["prediction"][0]["name"] == f"digit {int(shares.argmax())}"


def test_maps_come_in_slices_and_averaged(client):
    run = client.ask("api/runs", {"sample": 0}).json["id"]
    whole = client.ask(f"api/runs/{run}/maps/0?side=0").array
    part = client.ask(f"api/runs/{run}/maps/0?first=2&count=3&side=14").array
    assert part.shape == (3, 14, 14)
    expected = whole[2:5].reshape(3, 14, 2, 14, 2).mean((2, 4))
    np.testing.assert_allclose(part, expected, atol=1e-6)
    last = client.layer("output")
    np.testing.assert_array_equal(
        client.ask(f"api/runs/{run}/maps/{last}").array,
        client.session.run(run)["output"],
    )


def test_averaging_keeps_a_short_last_block():
    maps = np.arange(7, dtype=np.float32)[None]
    np.testing.assert_allclose(shrink(maps, 3), [[1, 4, 6]])
    np.testing.assert_array_equal(shrink(maps, 0), maps)
    np.testing.assert_array_equal(shrink(maps, 7), maps)


def test_histogram_counts_every_unit(client):
    run = client.ask("api/runs", {"sample": 0}).json["id"]
    relu = client.layer("relu1")
    told = client.ask(f"api/runs/{run}/histogram/{relu}").json
    values = client.session.run(run)["relu1"]
    assert len(told["edges"]) == 65
    assert sum(told["counts"]) == values.size
    assert told["zeros"] == pytest.approx(float((values == 0).mean()))


def test_filters_are_the_layers_weights(client, net):
    reply = client.ask("api/filters/0?first=1&count=2")
    np.testing.assert_array_equal(reply.array, net.c1.weight.detach()[1:3].numpy())
    assert float(reply.headers["x-limit"]) == float(net.c1.weight.detach().abs().max())
    assert client.ask(f"api/filters/{client.layer('relu1')}").status == 404


def test_one_picture_in_two_tabs_is_one_run(client):
    content, _ = picture(seed=4)
    first, second = (client.ask("api/runs", content).json for _ in range(2))
    assert first == second
    assert client.ask(f"api/runs/{first['id']}").json == first


def test_the_picture_is_what_the_network_sees(client):
    content, x = picture(seed=5)
    run = client.ask("api/runs", content).json
    shown = np.asarray(Image.open(io.BytesIO(client.ask(run["picture"]).content)))
    np.testing.assert_allclose(shown / 255, x[0, 0], atol=1 / 255)
    thumbnail = client.ask("api/samples/1/thumbnail")
    assert thumbnail.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(thumbnail.content)).size == (32, 32)


def test_what_is_not_there_gets_a_sentence(client):
    run = client.ask("api/runs", {"sample": 0}).json["id"]
    for path, status in (
        ("api/runs/0123/maps/0", 404), (f"api/runs/{run}/maps/99", 404),
        (f"api/runs/{run}/maps/0?count=-1", 422), (f"api/runs/{run}/maps/0?side=x", 422),
        ("api/samples/77/thumbnail", 404), ("api/nothing", 404), ("nothing.js", 404),
    ):  # fmt: skip
        reply = client.ask(path)
        assert (reply.status, set(reply.json)) == (status, {"error"}), path
    assert client.ask("api/runs", {"sample": "0"}).status == 400
    assert client.ask("api/runs", {"sample": 77}).status == 404
