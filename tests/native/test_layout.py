"""Reordering between plain and blocked maps, exactly, on all targets of this machine."""

from __future__ import annotations

import numpy as np
import pytest

from striate import _core

from .steps import block, image_lanes, run_step, unblock

TARGETS = dict(_core.targets())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("channels", [1, 3, 4, 7, 8, 9, 17, 22])
@pytest.mark.parametrize("pixels", [1, 3, 4, 9, 255, 256, 263, 1024])  # 4 KiB apart
def test_every_number_finds_its_place(target: str, channels: int, pixels: int) -> None:
    lanes = TARGETS[target]
    plain = np.arange(2 * channels * pixels, dtype=np.float32).reshape(2, channels, pixels)
    blocked = block(plain, lanes)
    attributes = {"batch": 2, "channels": channels, "pixels": pixels, "to_blocked": True}
    (found,) = run_step(target, "layout", "blocked", attributes, [plain], [blocked.shape])
    assert np.array_equal(found, blocked)  # unused lanes are 0
    rubbish = block(plain, lanes, unused=-7.0)
    attributes["to_blocked"] = False
    (found,) = run_step(target, "layout", "blocked", attributes, [rubbish], [plain.shape])
    assert np.array_equal(found, plain)
    assert np.array_equal(unblock(blocked, channels), plain)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("images", [1, 6, 8, 19])
@pytest.mark.parametrize(("channels", "pixels"), [(3, 26), (256, 4)])
def test_images_become_lanes(target: str, images: int, channels: int, pixels: int) -> None:
    lanes = TARGETS[target]
    plain = np.arange(images * channels * pixels, dtype=np.float32).reshape(images, channels, -1)
    blocked = image_lanes(plain, lanes, 0)
    attributes = {"batch": images, "channels": channels, "pixels": pixels, "images": True}
    for to_blocked in (True, False):
        one, other = (plain, blocked) if to_blocked else (blocked, plain)
        (found,) = run_step(
            target, "layout", "blocked", attributes | {"to_blocked": to_blocked}, [one],
            [other.shape],
        )  # fmt: skip
        assert np.array_equal(found, other)
