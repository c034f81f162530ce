"""Signals and volumes on the page: uploaded as they are, shown as lines and slices."""

import io
import wave

import numpy as np
import torch
from torch import nn

from striate.look import open_subject
from striate.look.page import Session

from .conftest import serving


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_a_volume_is_shown_by_slices():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.AdaptiveAvgPool3d(1), nn.Flatten()).eval()
    volume = np.random.default_rng(0).random((1, 6, 8, 10), np.float32)
    with serving(Session(open_subject(net, (1, 1, 6, 8, 10)))) as client:
        told = client.ask("api/model").json
        assert told["input"]["kind"] == "volume"
        assert told["input"]["accept"] == ".npy"
        run = client.ask("api/runs", npy(volume)).json
        assert "picture" not in run
        with torch.no_grad():
            expected = net[0](torch.from_numpy(volume[None]))[0].numpy()
        base = f"api/runs/{run['id']}/maps/0?side=0"
        np.testing.assert_allclose(client.ask(base).array, expected[:, 3], atol=1e-6)
        found = client.ask(f"{base}&slice=5&first=1&count=2").array
        np.testing.assert_allclose(found, expected[1:3, 5], atol=1e-6)
        assert client.ask(f"{base}&slice=6").status == 404
        assert client.ask("api/filters/0").array.shape == (4, 1, 3, 3, 3)
        unit = client.ask(f"api/runs/{run['id']}/unit/0?channel=2&place=1,2,3").json
        assert abs(unit["sum"]["total"] - expected[2, 1, 2, 3]) < 1e-5
        assert unit["box"] == [[0, 3], [1, 4], [2, 5]]


def test_arrays_that_are_none_or_announce_too_much():
    net = nn.Sequential(nn.Conv3d(1, 4, 3)).eval()
    with serving(Session(open_subject(net, (1, 1, 4, 4, 4)))) as client:
        good = npy(np.zeros((1, 4, 4, 4), np.float32))
        huge = good.replace(b"(1, 4, 4, 4)", b"(10**9,4,4,)").replace(b"10**9", b"99999")
        pickled = io.BytesIO()
        np.save(pickled, np.array([{}] * 64).reshape(1, 4, 4, 4), allow_pickle=True)
        for content in (
            huge, good[:100], good[:-1], pickled.getvalue(), b"no array",
            npy(np.full((1, 4, 4, 4), np.nan)), npy(np.zeros((1, 4, 4, 5))),
        ):  # fmt: skip
            reply = client.ask("api/runs", content)
            assert reply.status == 422, content[:80]
            assert reply.json["error"]
        assert client.ask("api/runs", good).status == 200


def test_a_signal_is_a_line():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(1, 3, 5, stride=2), nn.ReLU()).eval()
    samples = (np.sin(np.arange(64) / 3) * 20000).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    with serving(Session(open_subject(net, (1, 1, 64)))) as client:
        assert client.ask("api/model").json["input"]["sample_rate"] == 16000
        run = client.ask("api/runs", buffer.getvalue()).json
        given = client.ask(f"api/runs/{run['id']}/input").array
        np.testing.assert_allclose(given[0], samples / 32768, atol=1e-6)
        with torch.no_grad():
            expected = net[0](torch.from_numpy(given[None].copy()))[0].numpy()
        maps = client.ask(f"api/runs/{run['id']}/maps/0").array
        np.testing.assert_allclose(maps, expected, atol=1e-6)
        unit = client.ask(f"api/runs/{run['id']}/unit/0?channel=1&place=7").json
        assert unit["box"] == [[14, 19]]
        assert [term["place"] for term in unit["sum"]["terms"]] == [[i] for i in range(14, 19)]
