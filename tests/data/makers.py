"""Small files in every format, made for the tests."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def picture(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def grey(level: int, size: tuple[int, int] = (8, 8)) -> bytes:
    return picture(Image.new("L", size, level))


def wav(samples: np.ndarray, rate: int = 8000, tag: int = 1, channels: int = 1) -> bytes:
    return wav_of(samples.tobytes(), samples.dtype.itemsize * 8, rate, tag, channels)


def wav_of(data: bytes, bits: int, rate: int = 8000, tag: int = 1, channels: int = 1) -> bytes:
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)
    return riff((b"fmt ", form), (b"data", data))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WAVE"
    for name, content in chunks:
        body += name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_mnist(folder: Path, train: int = 20, test: int = 10, packed: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        pictures = np.arange(count * 784).reshape(count, 28, 28) % 256
        for name, array in (("images-idx3", pictures), ("labels-idx1", np.arange(count) % 10)):
            path = folder / f"{part}-{name}-ubyte"
            if packed:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(idx(array)))
            else:
                path.write_bytes(idx(array))


def plant(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


PHOTOS = {
    f"{animal}/{i}.png": grey(level)
    for animal, level in (("cat", 10), ("dog", 200))
    for i in range(10)
}
"""Ten grey pictures of each of two classes."""
