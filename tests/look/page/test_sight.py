"""Gradients of a unit, and what excites a channel."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from striate import data, zoo
from striate.look import open_subject
from striate.look._samples import Samples
from striate.look.page import Session
from striate.look.page._samples import data_samples
from striate.look.page._top import spread

from .conftest import serving


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", input_shape=(1, 32, 32))


@pytest.fixture(scope="module")
def with_data(net, digits):
    subject = open_subject(net, (1, 1, 32, 32), preprocess=digits.preprocess)
    with serving(Session(subject, samples=data_samples(digits), data=digits)) as client:
        yield client


def test_gradient_is_torchs(client, net):
    run = client.ask("api/runs", {"sample": 0}).json["id"]
    layer = client.layer("c3")
    found = client.ask(f"api/runs/{run}/gradient/{layer}?channel=5&place=3,4").array
    x = torch.from_numpy(client.session.run(run).input).requires_grad_()
    caught = []
    handle = net.c3.register_forward_hook(lambda m, i, output: caught.append(output))
    net(x)
    handle.remove()
    (expected,) = torch.autograd.grad(caught[0][0, 5, 3, 4], x)
    expected = expected[0].abs().amax(0).numpy()
    np.testing.assert_allclose(found, expected / expected.max(), atol=1e-5)
    assert found.max() == 1
    assert found[:6].max() == 0  # outside the receptive field
    assert client.ask(f"api/runs/{run}/gradient/{layer}?channel=99&place=3,4").status == 422


def test_a_file_has_no_gradients(tmp_path):
    from striate import capture

    capture(zoo.create("lenet5").eval(), (1, 1, 32, 32)).to_onnx(tmp_path / "net.onnx")
    with serving(Session(open_subject(tmp_path / "net.onnx"))) as client:
        assert not client.ask("api/model").json["has_gradients"]
        run = client.ask("api/runs", np.zeros(0).tobytes() + png()).json["id"]
        assert client.ask(f"api/runs/{run}/gradient/0?channel=0&place=0,0").status == 404
        assert client.ask("api/top/0?channel=0").status == 404


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (32, 32), 128).save(buffer, "PNG")
    return buffer.getvalue()


def test_top_patches_are_where_the_channel_is_largest(with_data, digits):
    told = with_data.ask("api/top/0?channel=2").json
    assert told["seen"] == len(digits.test)
    assert with_data.ask("api/model").json["has_data"]
    inputs = digits.preprocess.apply(digits.test.fetch(range(len(digits.test)))).numpy()
    values = with_data.session.subject.activations(["c1"], inputs)["c1"][:, 2]
    strongest = values.reshape(len(values), -1).max(1)
    best = told["patches"][0]
    assert best["value"] == pytest.approx(float(strongest.max()))
    assert values[(best["sample"], *best["place"])] == pytest.approx(best["value"])
    y, x = best["place"]
    assert best["box"] == [[y, y + 5], [x, x + 5]]
    shown = Image.open(io.BytesIO(base64.b64decode(best["picture"].partition(",")[2])))
    assert shown.size == (5, 5)
    assert len(told["patches"]) == 9
    assert told == with_data.ask("api/top/0?channel=2").json


def test_large_sets_are_looked_at_here_and_there():
    every = Samples(10, lambda some: np.array(some, np.float32), lambda i: f"number {i}")
    chosen, numbers = spread(every, 4)
    assert numbers == [0, 2, 5, 7]
    assert chosen.fetch([1, 3]).tolist() == [2, 7]
    assert chosen.name_of(2) == "number 5"
    assert spread(every, 99)[1] == list(range(10))
