"""Every picture of what a unit answers to can be drawn, of signals, images and volumes."""

import numpy as np
import pytest
import torch
from torch import nn

from striate import look
from striate.look import open_subject

KINDS = {1: (nn.Conv1d, nn.MaxPool1d), 2: (nn.Conv2d, nn.MaxPool2d), 3: (nn.Conv3d, nn.MaxPool3d)}


@pytest.fixture(scope="module", params=[1, 2, 3])
def subject(request):
    torch.manual_seed(0)
    axes = request.param
    conv, pool = KINDS[axes]
    net = nn.Sequential(
        conv(1, 3, 3, padding=1), nn.ReLU(), pool(2), nn.Flatten(), nn.Linear(3 * 4**axes, 2)
    )
    return open_subject(net.eval(), (1, 1, *(8,) * axes))


@pytest.fixture
def image(subject):
    return np.random.default_rng(0).standard_normal(subject.input_shape).astype(np.float32)


def texts(figure):
    return " ".join(
        text.get_text() for text in figure.findobj(match=lambda o: hasattr(o, "get_text"))
    )


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (look.saliency, (), "Saliency of"),
        (look.saliency, ("0", 1), "0, channel 1 at"),
        (look.back_project, ("1", 2), "Deconvolution of 1, channel 2"),
        (look.occlusion, (), "Occlusion of"),
        (look.grad_cam, ("1",), "Grad-CAM of"),
    ],
)
def test_attributions(subject, image, function, arguments, words, tmp_path):
    picture = function(subject, image, *arguments)
    assert words in texts(picture.figure())
    assert picture.save(tmp_path / "picture.png", dpi=40).stat().st_size > 1000


def test_patches(subject, image, tmp_path):
    inputs = np.stack([image, -image, image[..., ::-1]])
    for channel in (1, [0, 2]):
        found = look.top_patches(subject, "0", inputs, channel, k=3)
        shown = texts(found.figure())
        assert "strongest in 3 inputs" in shown
        assert f"{found.patches[0][0].value:.3g}" in shown
        found.save(tmp_path / "patches.svg")


def test_optimised_inputs(subject, tmp_path):
    for place in ("middle", "all"):
        found = look.maximise(subject, "0", [0, 1], steps=2, place=place)
        assert f"1: {found.history[1, -1]:.3g}" in texts(found.figure())
        found.save(tmp_path / "inputs.pdf")


def test_equivariance(subject, image, tmp_path):
    report = look.equivariance(subject, image[None], shifts=2, blur=True)
    shown = texts(report.figure())
    assert "with BlurPool" in shown
    assert "2 /2" in shown
    report.save(tmp_path / "report.png", dpi=40)
