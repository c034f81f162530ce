"""CIFAR-10 and CIFAR-100, from the official archives in the binary version.

    record   label (CIFAR-100: coarse label, fine label), then 3072 bytes:
             1024 red, 1024 green, 1024 blue, each 32 rows of 32

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
"""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import DataError
from ._locate import locate
from ._parts import Parts, in_memory

_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Layout:
    """The members of an archive: files of records for each part, and the classes' names."""

    archive: str
    train: tuple[str, ...]
    test: str
    names: str
    label_bytes: int
    train_records: int
    test_records: int = 10_000

    @property
    def record_bytes(self) -> int:
        """Bytes of one picture with its labels."""
        return self.label_bytes + _PIXELS

    def sizes(self) -> dict[str, int]:
        """Give the number of records that each file must have."""
        return {**dict.fromkeys(self.train, self.train_records), self.test: self.test_records}


LAYOUTS = {
    "cifar10": Layout(
        "cifar-10-binary.tar.gz",
        tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
        "test_batch.bin",
        "batches.meta.txt",
        label_bytes=1,
        train_records=10_000,
    ),
    "cifar100": Layout(
        "cifar-100-binary.tar.gz",
        ("train.bin",),
        "test.bin",
        "fine_label_names.txt",
        label_bytes=2,
        train_records=50_000,
    ),
}


def read_cifar(name: str, data_dir: Path | None) -> Parts:
    """Read 50,000 + 10,000 colour pictures of 32x32: 'cifar10', or 'cifar100' by its fine labels.

    The archive is read as it is; nothing is unpacked to the disk.
    """
    layout = LAYOUTS[name]
    archive = locate(name, data_dir)[layout.archive]
    remedy = f"Delete {archive} and run `striate data get {name}`."
    try:
        members = _read_members(archive, layout)
        classes = tuple(members[layout.names].decode("utf-8", "replace").split())
        train = [_read_records(members[file], layout, file, classes) for file in layout.train]
        test = _read_records(members[layout.test], layout, layout.test, classes)
    except DataError as error:
        raise DataError(f"{name}: {error} {remedy}") from None
    images, labels = (torch.cat(pieces) for pieces in zip(*train, strict=True))
    return in_memory((images, labels), test, classes)


def _read_members(archive: Path, layout: Layout) -> dict[str, bytes]:
    """Read the members that are needed, by the last part of their names."""
    largest = {file: n * layout.record_bytes for file, n in layout.sizes().items()}
    largest[layout.names] = 1 << 16
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                file = member.name.rpartition("/")[2]
                stream = tar.extractfile(member) if file in largest else None
                if stream is not None:
                    found[file] = stream.read(largest[file] + 1)
                if len(found) == len(largest):
                    break
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        reason = str(error).partition(":\n")[0]  # without the list of all that was tried
        raise DataError(f"the archive is damaged: {reason}.") from None
    if missing := [file for file in largest if file not in found]:
        raise DataError(f"the archive holds no {', '.join(missing)}.")
    return found


def _read_records(
    content: bytes, layout: Layout, file: str, classes: tuple[str, ...]
) -> tuple[Tensor, Tensor]:
    size, records = layout.record_bytes, layout.sizes()[file]
    if len(content) != size * records:
        found = f"{len(content):,}" if len(content) < size * records else "more"
        raise DataError(
            f"{file} holds {found} bytes; {records:,} records of {size:,} bytes make "
            f"{size * records:,}."
        )
    table = torch.frombuffer(bytearray(content), dtype=torch.uint8).view(records, size)
    labels = table[:, layout.label_bytes - 1].long()
    if labels.max() >= len(classes):
        wrong = int((labels >= len(classes)).nonzero()[0])
        raise DataError(
            f"{file}: label {int(labels[wrong])} of record {wrong} is not one of 0 .. "
            f"{len(classes) - 1}, the numbers of the {len(classes)} classes in {layout.names}."
        )
    return table[:, layout.label_bytes :].reshape(records, 3, 32, 32), labels
