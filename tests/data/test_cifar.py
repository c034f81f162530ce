"""CIFAR's archives: small ones, whole and damaged."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from striate import DataError
from striate.data import load
from striate.data._cifar import LAYOUTS


def write_cifar(folder: Path, name: str, short: int = 0, label: int = 7, classes: int = 10) -> Path:
    layout = LAYOUTS[name]
    record = bytes([3] * (layout.label_bytes - 1) + [label]) + bytes(range(256)) * 12
    members = {file: record * count for file, count in layout.sizes().items()}
    members = {file: content[: len(content) - short] for file, content in members.items()}
    members[layout.names] = "\n".join(f"class{i}" for i in range(classes)).encode()
    with tarfile.open(folder / layout.archive, "w:gz") as archive:
        for member, content in members.items():
            info = tarfile.TarInfo(f"somewhere/{member}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return folder / layout.archive


@pytest.fixture
def _few_records(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, layout in LAYOUTS.items():
        monkeypatch.setitem(LAYOUTS, name, replace(layout, train_records=4, test_records=3))


def test_records_have_the_published_sizes() -> None:
    ten, hundred = LAYOUTS["cifar10"], LAYOUTS["cifar100"]
    assert (ten.record_bytes, hundred.record_bytes) == (3073, 3074)
    assert sum(ten.sizes().values()) == sum(hundred.sizes().values()) == 60_000


@pytest.mark.usefixtures("_few_records")
class TestCifar:
    @pytest.mark.parametrize(("name", "count"), [("cifar10", 20), ("cifar100", 4)])
    def test_records_are_channels_first(self, tmp_path: Path, name: str, count: int) -> None:
        write_cifar(tmp_path, name)
        data = load(name, data_dir=tmp_path)
        assert (len(data.train), len(data.test)) == (count, 3)
        assert set(data.train.labels.tolist()) == {7}
        assert data.classes[7] == "class7"
        picture = data.train.fetch([0])[0]
        assert picture.shape == (3, 32, 32)
        assert picture[1, 0].tolist() == list(range(32))

    def test_a_net_for_grey_gets_grey(self, tmp_path: Path) -> None:
        write_cifar(tmp_path, "cifar10")
        data = load("cifar10", data_dir=tmp_path, input_shape=(1, 32, 32))
        assert data.test.fetch([0])[0, 0, 0].tolist() == list(range(32))
        assert len(data.mean) == 1

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"short": 1}, "data_batch_1.bin holds 12,291 bytes; 4 records of 3,073 bytes make"),
            ({"short": -1}, "data_batch_1.bin holds more bytes; 4 records of 3,073 bytes make 12,"),
            ({"classes": 5}, r"data_batch_1.bin: label 7 of record 0 is not one of 0 \.\. 4"),
        ],
    )
    def test_a_wrong_member_is_named_with_a_remedy(
        self, tmp_path: Path, changes: dict[str, int], message: str
    ) -> None:
        if changes.get("short") == -1:
            full = LAYOUTS["cifar10"]
            LAYOUTS["cifar10"] = replace(full, train_records=5)
            write_cifar(tmp_path, "cifar10")
            LAYOUTS["cifar10"] = full
        else:
            write_cifar(tmp_path, "cifar10", **changes)
        with pytest.raises(DataError, match=rf"cifar10: {message}.*striate data get cifar10"):
            load("cifar10", data_dir=tmp_path)

    @pytest.mark.parametrize("kept", [0, 200, -100])
    def test_a_damaged_archive_is_named(self, tmp_path: Path, kept: int) -> None:
        path = write_cifar(tmp_path, "cifar10")
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(DataError, match=r"cifar10: .*(damaged|holds no).* Delete .*\.tar\.gz"):
            load("cifar10", data_dir=tmp_path)

    def test_another_archive_is_named(self, tmp_path: Path) -> None:
        write_cifar(tmp_path, "cifar100").rename(tmp_path / "cifar-10-binary.tar.gz")
        with pytest.raises(DataError, match=r"holds no data_batch_1\.bin, data_batch_2\.bin"):
            load("cifar10", data_dir=tmp_path)
