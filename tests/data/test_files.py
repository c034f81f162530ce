"""Folders and zips of pictures and sounds: every mode and every damage."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from striate import DataError
from striate.data import Preprocess, load
from striate.data._image import decode_image
from striate.data._wav import read_wav


def png(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def grey(level: int, size: tuple[int, int] = (8, 8)) -> bytes:
    return png(Image.new("L", size, level))


def wav(samples: np.ndarray, rate: int = 8000, tag: int = 1, channels: int = 1) -> bytes:
    data = samples.tobytes()
    bits = samples.dtype.itemsize * 8
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)
    body = (
        b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


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


class TestFolders:
    def test_classes_are_the_folders_and_a_fifth_is_for_testing(self, tmp_path: Path) -> None:
        data = load(f"folder:{plant(tmp_path, PHOTOS)}")
        assert data.classes == ("cat", "dog")
        assert (len(data.train), len(data.test)) == (16, 4)
        assert data.test.name_of(0) == "cat/4.png"
        level = {0: 10, 1: 200}[int(data.train.labels[0])]
        assert int(data.train.fetch([0])[0, 0, 0, 0]) == level

    @pytest.mark.parametrize("workers", [0, 2])
    def test_a_zip_is_as_good_as_a_folder(self, tmp_path: Path, workers: int) -> None:
        a = load(f"folder:{plant(tmp_path / 'a', PHOTOS)}")
        b = load(f"folder:{zipped(tmp_path / 'b.zip', PHOTOS)}", workers=workers)
        assert torch.equal(a.train.fetch(range(16)), b.train.fetch(range(16)))
        assert (a.mean, a.std) == (b.mean, b.std)

    def test_parts_below_a_single_top_folder(self, tmp_path: Path) -> None:
        files = {f"top/train/{k}": v for k, v in PHOTOS.items()}
        files |= {"top/test/dog/x.png": grey(200), "__MACOSX/top/._x.png": b"no picture"}
        files |= {"top/.hidden/cat/y.png": grey(1)}
        data = load(f"folder:{zipped(tmp_path / 'a.zip', files)}")
        assert (len(data.train), len(data.test)) == (20, 1)
        assert data.test.labels.tolist() == [1]

    def test_broken_files_are_named_counted_and_left_out(self, tmp_path: Path) -> None:
        broken = {"cat/empty.png": b"", "dog/cut.png": grey(9, (64, 64))[:60], "dog/t.jpg": b"text"}
        spec = f"folder:{plant(tmp_path, PHOTOS | broken)}"
        with pytest.warns(
            UserWarning, match=r"3 files of 23 cannot be used:\n  cat/empty\.png: the file is"
        ):
            data = load(spec)
        assert (len(data.train), len(data.test)) == (16, 4)
        assert [item.name for item in data.broken] == ["cat/empty.png", "dog/cut.png", "dog/t.jpg"]
        with pytest.raises(DataError, match="3 files of 23 cannot be used"):
            load(spec, strict=True)

    def test_pictures_of_many_sizes_need_a_size(self, tmp_path: Path) -> None:
        files = {f"{c}/{i}.png": grey(1, (9 + i, 5)) for c in "ab" for i in range(5)}
        spec = f"folder:{plant(tmp_path, files)}"
        with pytest.raises(DataError, match=r"have different sizes.*--input 3x64x64"):
            load(spec)
        assert load(spec, input_shape=(3, 16, 16)).train.input_shape == (3, 16, 16)

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="is not there"):
            load(f"folder:{tmp_path / 'nowhere'}")
        (tmp_path / "a.txt").write_text("text")
        with pytest.raises(DataError, match="neither a folder nor a zip"):
            load(f"folder:{tmp_path / 'a.txt'}")
        with pytest.raises(DataError, match="none of them in the folder of a class"):
            load(f"folder:{tmp_path}")

    def test_a_damaged_zip_member_is_left_out(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", PHOTOS)
        content = bytearray(path.read_bytes())
        content[content.find(b"IDAT") + 8] ^= 0xFF
        path.write_bytes(bytes(content))
        with pytest.warns(UserWarning, match="1 file of 20 cannot be used"):
            load(f"folder:{path}")


class TestPictures:
    def test_orientation_is_followed(self) -> None:
        image = Image.new("L", (4, 2))
        image.putpixel((0, 0), 255)
        exif = Image.Exif()
        exif[0x0112] = 6  # turn by 90 degrees clockwise: the upper left goes to the upper right
        upright = decode_image(png(image, exif=exif), (1, 4, 2))
        assert upright[0, 0].tolist() == [0, 255]

    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            (Image.new("1", (4, 4), 1), 255),
            (Image.new("L", (4, 4), 77), 77),
            (Image.new("LA", (4, 4), (0, 0)), 255),  # transparent shows white paper
            (Image.new("RGB", (4, 4), (255, 0, 0)), 76),  # 0.299 of 255
            (Image.new("RGBA", (4, 4), (0, 0, 0, 0)), 255),
            (Image.new("P", (4, 4), 0), 0),
            (Image.fromarray(np.full((4, 4), 257 * 100, np.uint16)), 100),
        ],
    )
    def test_every_mode_becomes_grey(self, image: Image.Image, expected: int) -> None:
        assert decode_image(png(image), (1, 4, 4)).flatten().tolist() == [expected] * 16

    def test_cmyk_jpeg_becomes_colour(self) -> None:
        red = png(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")
        colour = decode_image(red, (3, 8, 8))[:, 0, 0]
        assert colour[0] > 200
        assert max(colour[1], colour[2]) < 60

    def test_bombs_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        for side in (12, 40):
            with pytest.raises(DataError, match="more than 100 pixels and is refused"):
                decode_image(grey(0, (side, side)), (1, 8, 8))

    @given(st.binary(max_size=200))
    def test_any_bytes_are_decoded_or_refused(self, content: bytes) -> None:
        for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM"):
            try:
                assert decode_image(start + content, (1, 4, 4)).shape == (1, 4, 4)
            except DataError:
                continue

    def test_the_aspect_is_kept_and_the_middle_taken(self) -> None:
        image = Image.new("L", (30, 10), 0)
        image.paste(255, (10, 0, 20, 10))
        assert (decode_image(png(image), (1, 10, 10)) > 200).all()


class TestSounds:
    @pytest.mark.parametrize(
        ("samples", "tag"),
        [
            (np.array([0, 128, 255], np.uint8), 1),
            (np.array([-32768, 0, 32767], np.int16), 1),
            (np.array([-(2**31), 0, 2**31 - 1], np.int32), 1),
            (np.array([-1, 0, 1], np.float32), 3),
            (np.array([-1, 0, 1], np.float64), 3),
        ],
    )
    def test_every_encoding_spans_minus_one_to_one(self, samples: np.ndarray, tag: int) -> None:
        values = read_wav(wav(samples, tag=tag)).samples[:, 0]
        assert values.tolist() == pytest.approx([-1, 0, 1], abs=0.01)

    def test_channels_are_averaged(self, tmp_path: Path) -> None:
        stereo = np.array([[16384, 0], [0, 16384]] * 50, np.int16)
        files = {f"{c}/{i}.wav": wav(stereo, channels=2) for c in "ab" for i in range(5)}
        data = load(f"wav:{plant(tmp_path, files)}", input_shape=(1, 100))
        assert data.train.fetch([0]).unique().tolist() == [0.25]

    def test_other_rates_need_a_word(self, tmp_path: Path) -> None:
        files = {f"{c}/{i}.wav": wav(np.ones(10, np.int16)) for c in "ab" for i in range(5)}
        files["b/x.wav"] = wav(np.ones(100, np.int16), rate=16000)
        spec = f"wav:{plant(tmp_path, files)}"
        with pytest.raises(DataError, match=r"b/x\.wav: the sound has 16000 .* sample_rate=8000"):
            load(spec)
        sounds = load(spec, sample_rate=8000, input_shape=(1, 60))
        assert int((sounds.train.fetch(range(9)) != 0).sum(dim=2).max()) > 10

    @given(st.binary(max_size=100), st.integers(0, 60))
    def test_any_bytes_are_read_or_refused(self, noise: bytes, cut: int) -> None:
        whole = wav(np.arange(8, dtype=np.int16))
        for content in (noise, whole[:cut] + noise, whole[:-cut] if cut else whole):
            try:
                assert read_wav(content).samples.ndim == 2
            except DataError:
                continue


class TestPreprocess:
    def test_a_file_goes_the_way_of_the_training_data(self, tmp_path: Path) -> None:
        data = load(f"folder:{plant(tmp_path, PHOTOS)}", input_shape=(1, 10, 10))
        batch = next(data.batches(data.train, 16).epoch())
        alone = data.preprocess.open(tmp_path / data.train.name_of(0))
        assert torch.equal(alone, batch.inputs[0])

    def test_json_gives_it_back(self) -> None:
        one = Preprocess("signal", (1, 100), (1, 100), (0.0,), (1.0,), 8000)
        assert Preprocess.from_dict(one.to_dict()) == one
        with pytest.raises(DataError, match="missing or unknown"):
            Preprocess.from_dict({"kind": "image"})

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        one = Preprocess("image", (1, 8, 8), (1, 8, 8), (0.0,), (1.0,))
        with pytest.raises(DataError, match=r"x\.png: cannot be read: No such file"):
            one.open(tmp_path / "x.png")
