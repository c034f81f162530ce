"""Downloads: resumed where they stopped, checked, and put in place only when whole."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError

_PIECE = 1 << 18


@dataclass(frozen=True)
class Source:
    """A file on a public server: where it is, and the MD5 of its content, in hex."""

    url: str
    md5: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]


_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"

SOURCES: dict[str, tuple[Source, ...]] = {
    "mnist": (
        Source(_MNIST + "train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        Source(_MNIST + "train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        Source(_MNIST + "t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        Source(_MNIST + "t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    "fashion-mnist": (
        Source(_FASHION + "train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        Source(_FASHION + "train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        Source(_FASHION + "t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        Source(_FASHION + "t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    "cifar10": (Source(_CIFAR + "cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),),
    "cifar100": (Source(_CIFAR + "cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"),),
}


def download(
    source: Source, folder: Path, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Fetch a file into a folder, unless it is there already.

    What has come of a file stands beside it as `.part` until it is whole and its checksum is
    right; a later call goes on from there, if the server can.

    Args:
        source: Where it is.
        folder: Where it goes; made if need be.
        progress: Called with the bytes that are there, and the bytes in all (0 if unknown).
    Raises:
        DataError: No network, a server's refusal, a wrong checksum, a full disk.
    """
    target = folder / source.name
    if target.is_file():
        return target
    part = target.with_name(f"{target.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(source.url, part, progress or (lambda done, total: None))
    except OSError as error:  # URLError and the connection's errors are OSErrors too
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{source.url} could not be fetched: {reason}. Try again later (what has come is kept "
            f"and goes on), or fetch it elsewhere and put it into {folder}."
        ) from None
    found = _md5(part)
    if found != source.md5:
        part.unlink()
        raise DataError(
            f"{source.url} came with the MD5 {found}; it should be {source.md5}. The file was "
            f"changed or damaged on its way and has been thrown away. Try again, or fetch it "
            f"elsewhere and put it into {folder}."
        )
    part.replace(target)
    return target


def _fetch(url: str, part: Path, progress: Callable[[int, int], None]) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "striate"})  # noqa: S310
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=30)  # noqa: S310 - URLs of SOURCES
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # nothing is left to send
            return
        raise
    with response:
        resumed = have > 0 and response.status == 206
        have = have if resumed else 0
        total = have + int(response.headers.get("Content-Length") or 0)
        with part.open("ab" if resumed else "wb") as file:
            while piece := response.read(_PIECE):
                file.write(piece)
                have += len(piece)
                progress(have, total)
        if have < total:
            raise OSError(f"the connection ended after {have:,} of {total:,} bytes")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
