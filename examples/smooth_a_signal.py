"""Smooth a noisy signal, and find the edges of a small drawing. Needs the base install alone.

    python examples/smooth_a_signal.py

The signal is a slow wave under noise; a Gaussian takes most of the noise away. The drawing is a
disc; Sobel filters measure its slopes, and where they are steep stands an edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from striate import convolve, correlate, filters
from striate.signal import choose_method


def smooth_a_wave() -> None:
    """Print how far the signal is from the wave, before and after."""
    rng = np.random.default_rng(seed=0)
    wave = np.sin(np.linspace(0, 6 * np.pi, 2000))
    noisy = wave + 0.3 * rng.standard_normal(wave.size)
    bell = filters.gaussian(12.0, ndim=1)
    # 'same' keeps the length, 'reflect' lets the wave go on past its ends.
    smooth = convolve(noisy, bell, mode="same", boundary="reflect")
    print(f"a wave of {wave.size} samples under noise, and a Gaussian of {bell.size} taps")
    print(f"  error before  {rms(noisy - wave):.3f}")
    print(f"  error after   {rms(smooth - wave):.3f}")


def rms(values: Any) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(values**2)))


def find_edges() -> None:
    """Draw a disc with blurred edges, and print where it is steep."""
    y, x = np.mgrid[:17, :33]
    disc = (((x - 16) / 2) ** 2 + (y - 8) ** 2 < 36).astype(float)
    image = convolve(disc, filters.gaussian(0.7), mode="same")
    across, down = (
        correlate(image, filters.sobel(axis), mode="same", boundary="replicate") for axis in (-1, 0)
    )
    steepness = np.hypot(across, down)
    edges = steepness > 0.5 * steepness.max()
    print(f"\na disc of {int(disc.sum())} pixels, and its {int(edges.sum())} steep ones")
    for row in edges:
        print("  " + "".join(".#"[int(steep)] for steep in row))


def tell_the_way() -> None:
    """Print which way each kernel goes over a larger image, and why."""
    image = np.zeros((512, 512))
    print("\nover an image of 512x512 pixels")
    for kernel in (filters.laplacian(), filters.gaussian(4.0), filters.gabor(10.0, 0.5)):
        print(f"  {choose_method(image, kernel, mode='same').reason}")


if __name__ == "__main__":
    smooth_a_wave()
    find_edges()
    tell_the_way()
