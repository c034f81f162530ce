"""What is looked at: from a name, a module or a file to all values of one input."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from striate import OptionError, RunError, ShapeError, zoo
from striate._nets import build_net
from striate.data import Preprocess
from striate.look import open_subject
from striate.train import Config
from striate.train._checkpoint import save_tensors
from striate.train._run import create_run


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return zoo.create("resnet20").eval()


@pytest.fixture(scope="module")
def subject(net):
    classes = [f"class {i}" for i in range(10)]
    return open_subject(net, (1, 3, 32, 32), classes=classes, mean=[0.5], std=[0.25])


def test_every_value_is_the_networks_own(net, subject):
    x = torch.randn(1, 3, 32, 32)
    found = subject.run(x)
    reference = subject.graph.run(x, every=True)
    for node in subject.layers:
        expected = reference[node.outputs[0]][0]
        np.testing.assert_allclose(found[node.name], expected, atol=5e-6 * np.abs(expected).max())
    with torch.no_grad():
        np.testing.assert_allclose(found.output, net(x)[0], atol=1e-5)


def test_more_layers_than_fit_on_one_hand(subject):
    """Every value is an output of the plan: some networks have hundreds."""
    assert len(subject.layers) > 64
    assert len(subject.run(np.zeros((3, 32, 32))).values) == len(subject.layers)


def test_names_files_and_modules_open(tmp_path, net, subject):
    subject.graph.to_onnx(tmp_path / "net.onnx")
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)
    by_file = open_subject(tmp_path / "net.onnx")
    np.testing.assert_allclose(by_file.run(x).output, subject.run(x).output, atol=1e-4)
    assert by_file.module is None
    assert subject.module is net
    assert open_subject("lenet5").module is not None


def test_a_picture_is_prepared_as_it_is_told(subject):
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (255, 0, 128)).save(file, "PNG")
    prepared = subject.prepare(file.getvalue())
    expected = (np.array([1, 0, 128 / 255]) - 0.5) / 0.25
    np.testing.assert_allclose(prepared[0, :, 5, 7], expected, atol=1e-6)


def test_what_does_not_fit_is_told(net, subject):
    with pytest.raises(ShapeError, match=r"\(1, 3, 16, 16\); one of \(3, 32, 32\) is needed"):
        subject.prepare(np.zeros((3, 16, 16)))
    with pytest.raises(OptionError, match="there is no layer 'conv9'"):
        subject.run(np.zeros((3, 32, 32)))["conv9"]
    with pytest.raises(OptionError, match="2 numbers for 3 channels"):
        open_subject(net, (3, 32, 32), mean=[0, 1])


def test_probabilities_add_up_and_have_names(subject):
    best = subject.run(np.ones((3, 32, 32))).best(10)
    assert sum(share for _, share in best) == pytest.approx(1)
    assert best[0][0].startswith("class ")
    assert best == tuple(sorted(best, key=lambda one: -one[1]))


def test_a_run_of_ones_own_net_opens_with_its_function(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "def net():\n"
        "    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10))\n"
    )
    net = f"{tmp_path}/mine.py:net"
    prepare = Preprocess("image", (1, 8, 8), (1, 8, 8), (0.5,), (0.5,))
    run = create_run(Config(net=net, data="digits", out=str(tmp_path)), "0123456789", prepare)
    weights = build_net(net, {}, 10).state_dict()
    save_tensors(run.path / "weights.safetensors", {"": weights}, {})
    with pytest.raises(RunError, match="say so with --net"):
        open_subject(run.path)
    opened = open_subject(run.path, net=net)
    np.testing.assert_array_equal(opened.weight("0"), weights["0.weight"])
    with pytest.raises(OptionError, match="lenet5 is no run's folder"):
        open_subject("lenet5", net=net)


def test_a_folder_named_like_a_network_does_not_hide_it(tmp_path, monkeypatch):
    (tmp_path / "lenet5").mkdir()
    monkeypatch.chdir(tmp_path)
    assert open_subject("lenet5").name == "lenet5"
