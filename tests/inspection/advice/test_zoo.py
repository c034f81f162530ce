"""What the rules say of well-made networks, and how long they take."""

from __future__ import annotations

import time
from functools import cache

import pytest
import torch

import striate
from striate.inspection import Report
from striate.inspection.advice import RULES, Advice

DOWNSAMPLE = {"pixels-between": "layer2.0.downsample.0"}
VGG = {"one-layer-holds-most": "classifier.0", "pooling-without-effect": "avgpool"}

EXPECTED: dict[str, dict[str, str]] = {
    "alexnet": {"one-layer-holds-most": "classifier.1", "pooling-without-effect": "avgpool"},
    "c3d_small": {"pixels-dropped": "15", "field-smaller-than-input": "15"},
    "convnext_tiny": {},
    "efficientnet_b0": {},
    "lenet5": {"vector-width": "c1", "one-layer-holds-most": "c5"},
    "lenet5_1998": {"vector-width": "c1", "one-layer-holds-most": "c5"},
    "m5": {"pixels-dropped": "11", "field-smaller-than-input": "15"},
    "mobilenet_v1": {},
    "mobilenet_v2": {},
    "nin": {"field-smaller-than-input": "21"},
    "resnet18": DOWNSAMPLE,
    "resnet20": {},
    "resnet50": DOWNSAMPLE,
    "unet": {},
    "vgg16": VGG,
}
"""For each network the rules that fire, and the (last) layer that each names."""


@cache
def _report(name: str, size: int | None = None) -> Report:
    with torch.device("meta"):
        net = striate.zoo.create(name).eval()
    shape = {
        "c3d_small": (3, 16, 56, 56), "m5": (1, 8000), "nin": (3, 32, 32), "unet": (1, 128, 128),
        "lenet5": (1, 32, 32), "lenet5_1998": (1, 32, 32), "resnet20": (3, 32, 32),
    }.get(name, (3, 224, 224))  # fmt: skip
    return striate.inspect(net, (shape[0], size, size) if size else shape)


def _rules(advice: tuple[Advice, ...]) -> dict[str, str]:
    return {a.rule: a.layer for a in advice}


@pytest.mark.parametrize("name", EXPECTED)
def test_well_made_networks_hear_only_what_is_true(name: str) -> None:
    assert _rules(_report(name).advice) == EXPECTED[name]


def test_a_resnet_on_small_images_hears_what_is_wrong() -> None:
    rules = _rules(_report("resnet18", 32).advice)
    # The fourth stage has maps of 1x1 and the field is 435 of 32 pixels.
    assert rules.keys() >= {
        "taps-on-padding-only", "mostly-padding", "field-far-larger-than-input",
        "pooling-without-effect", "batch-norm-of-few",
    }  # fmt: skip


def test_warnings_come_first_and_layers_in_order() -> None:
    report = _report("resnet18", 32)
    severities = [a.severity for a in report.advice]
    assert severities == sorted(severities, reverse=True)
    order = {row.name: k for k, row in enumerate(report.rows)}
    warned = [order[a.layer] for a in report.advice if a.severity == "warning"]
    assert warned == sorted(warned)


def test_advice_on_resnet50_is_quick() -> None:
    report = _report("resnet50")
    from striate.inspection.advice import advise

    start = time.perf_counter()
    advise(report)
    assert time.perf_counter() - start < 0.3


def test_every_text_is_a_sentence() -> None:
    for name, size in (("resnet18", 32), ("vgg16", 32), ("alexnet", None), ("m5", None)):
        for advice in _report(name, size).advice:
            for text in (advice.finding, advice.why, advice.remedy):
                assert text[0].isupper() or text[0].isdigit(), text
                assert text.endswith("."), text
            assert advice.rule in RULES
