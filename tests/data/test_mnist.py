"""MNIST's files, small ones and the real ones."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from striate import DataError
from striate.data import load

from .makers import idx, write_mnist


@pytest.mark.parametrize("packed", [True, False])
def test_it_is_read_and_padded_to_32(tmp_path: Path, packed: bool) -> None:
    write_mnist(tmp_path, packed=packed)
    mnist = load("mnist", data_dir=tmp_path, input_shape=(1, 32, 32))
    first = mnist.train.fetch([0])[0, 0]
    assert first.shape == (32, 32)
    assert first[2, 2:30].tolist() == list(range(28))
    assert int(first[:2].sum()) == 0
    assert mnist.test.labels.tolist() == list(range(10))


def test_the_mean_is_that_of_the_unpadded_pictures(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    mnist = load("mnist", data_dir=tmp_path, input_shape=(1, 32, 32))
    assert mnist.mean == pytest.approx(((np.arange(20 * 784) % 256 / 255).mean(),))


def test_fashion_mnist_has_words_for_classes(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    assert load("fashion-mnist", data_dir=tmp_path).classes[9] == "Ankle boot"


def test_a_short_file_says_what_was_expected(tmp_path: Path) -> None:
    write_mnist(tmp_path, packed=False)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-100])
    message = r"20 x 28 x 28 makes 15,680 bytes .* 15,580 are there.*striate data get mnist"
    with pytest.raises(DataError, match=message):
        load("mnist", data_dir=tmp_path)


def test_labels_of_another_set_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(7))))
    with pytest.raises(DataError, match=r"holds 20 pictures and .* 7 labels"):
        load("mnist", data_dir=tmp_path)


def test_a_label_beyond_nine_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    labels = np.arange(20) % 12
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    with pytest.raises(DataError, match=r"label 10 of picture 10 is not one of 0 \.\. 9"):
        load("mnist", data_dir=tmp_path)


@pytest.mark.skipif("STRIATE_DATA" not in os.environ, reason="STRIATE_DATA names no real data")
def test_the_real_one() -> None:
    mnist = load("mnist")
    assert (len(mnist.train), len(mnist.test)) == (60_000, 10_000)
    assert torch.bincount(mnist.test.labels)[:3].tolist() == [980, 1135, 1032]
    assert mnist.mean == pytest.approx((0.1307,), abs=1e-4)
    assert mnist.std == pytest.approx((0.3081,), abs=1e-4)
