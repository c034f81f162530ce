"""Folders and zips of pictures and sounds, from the files to the data."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from striate import DataError, OptionError
from striate.data import ArrayDataset, Data, Dataset, load

from .makers import PHOTOS, grey, picture, plant, wav, zipped


def all_of(dataset: Dataset) -> torch.Tensor:
    return dataset.fetch(range(len(dataset)))


class TestPictures:
    def test_labels_names_and_pixels_go_together(self, tmp_path: Path) -> None:
        data = load(f"folder:{plant(tmp_path, PHOTOS)}")
        assert data.classes == ("cat", "dog")
        assert (len(data.train), len(data.test)) == (16, 4)
        assert data.test.name_of(0) == "cat/4.png"
        levels = all_of(data.train)[:, 0, 0, 0]
        assert torch.equal(levels, torch.where(data.train.labels == 0, 10, 200).byte())

    @pytest.mark.parametrize(("workers", "memory_bytes"), [(0, 0), (0, 1 << 20), (2, 1 << 20)])
    def test_a_zip_is_as_good_as_a_folder(
        self, tmp_path: Path, workers: int, memory_bytes: int
    ) -> None:
        many = {f"{name[:-4]}-{i}.png": PHOTOS[name] for name in PHOTOS for i in range(20)}
        a = load(f"folder:{plant(tmp_path / 'a', many)}")
        path = zipped(tmp_path / "b.zip", many)
        b = load(f"folder:{path}", workers=workers, memory_bytes=memory_bytes)
        assert torch.equal(all_of(a.train), all_of(b.train))
        assert torch.equal(a.test.labels, b.test.labels)
        assert (a.mean, a.std) == (b.mean, b.std)
        assert b.train.on_demand == (memory_bytes == 0)

    @pytest.mark.parametrize(("shape", "kept"), [((1, 9, 10), True), ((1, 11, 11), False)])
    def test_up_to_a_quarter_is_padded_beyond_it_resized(
        self, tmp_path: Path, shape: tuple[int, ...], kept: bool
    ) -> None:
        data = load(f"folder:{plant(tmp_path, PHOTOS)}", input_shape=shape)
        assert data.source_shape == ((1, 8, 8) if kept else shape)
        assert (int(all_of(data.train).min()) == 0) == kept

    def test_grey_pictures_become_colour_and_back(self, tmp_path: Path) -> None:
        spec = f"folder:{plant(tmp_path, PHOTOS)}"
        assert load(spec).input_shape == (1, 8, 8)
        assert load(spec, input_shape=(3, 8, 8)).train.fetch([0]).shape == (1, 3, 8, 8)

    def test_one_picture_in_colour_makes_all_of_them_so(self, tmp_path: Path) -> None:
        red = {"cat/3.png": picture(Image.new("RGB", (8, 8), "red"))}
        assert load(f"folder:{plant(tmp_path, PHOTOS | red)}").input_shape == (3, 8, 8)

    def test_pictures_of_many_sizes_need_a_size(self, tmp_path: Path) -> None:
        files = {f"{c}/{i}.png": grey(1, (9 + i, 5)) for c in "ab" for i in range(5)}
        spec = f"folder:{plant(tmp_path, files)}"
        with pytest.raises(DataError, match=r"have different sizes.*--input 3x64x64"):
            load(spec)
        assert load(spec, input_shape=(3, 16, 16)).train.input_shape == (3, 16, 16)

    def test_a_net_for_sounds_takes_no_pictures(self, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"pictures become .* and the net takes \(1, 8000\)"):
            load(f"folder:{plant(tmp_path, PHOTOS)}", input_shape=(1, 8000))

    def test_validation_is_a_part_of_its_own(self, tmp_path: Path) -> None:
        files = {f"{p}/{name}": v for p in ("train", "test", "val") for name, v in PHOTOS.items()}
        data = load(f"folder:{plant(tmp_path, files)}", input_shape=(1, 10, 10))
        assert data.validation is not None
        assert all_of(data.validation).shape == (20, 1, 10, 10)


class TestBrokenFiles:
    BROKEN = {  # noqa: RUF012
        "cat/empty.png": b"",
        "dog/cut.png": grey(9, (64, 64))[:60],
        "dog/text.jpg": b"text",
        "stray.png": grey(1),
    }
    NAMES = {"cat/empty.png", "dog/cut.png", "dog/text.jpg", "stray.png"}  # noqa: RUF012

    @pytest.fixture
    def spec(self, tmp_path: Path) -> str:
        return f"folder:{zipped(tmp_path / 'a.zip', PHOTOS | self.BROKEN)}"

    @pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
    def test_they_are_told_once_and_left_out(self, spec: str, memory_bytes: int) -> None:
        message = r"4 files of 24 cannot be used:\n  .*cat/empty\.png: the file is empty"
        with pytest.warns(UserWarning, match=message) as caught:
            data = load(spec, memory_bytes=memory_bytes)
        assert len(caught) == 1
        assert {item.name for item in data.broken} == self.NAMES
        names = {part.name_of(i) for part in (data.train, data.test) for i in range(len(part))}
        assert names == set(PHOTOS)
        assert set(all_of(data.train).unique().tolist()) == {10, 200}

    def test_strict_refuses_them(self, spec: str) -> None:
        with pytest.raises(DataError, match=r"(?s)4 files of 24 .*leave --strict out"):
            load(spec, strict=True)

    def test_a_long_list_is_shortened(self, tmp_path: Path) -> None:
        broken = {f"cat/{i}.jpg": b"" for i in range(30)}
        with pytest.warns(UserWarning, match="and 25 more"):
            load(f"folder:{plant(tmp_path, PHOTOS | broken)}")

    def test_a_damaged_zip_member_is_one(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", PHOTOS)
        content = bytearray(path.read_bytes())
        content[content.find(b"IDAT") + 8] ^= 0xFF
        path.write_bytes(bytes(content))
        with pytest.warns(UserWarning, match=r"1 file of 20 .*\n  cat/0\.png: the archive is dam"):
            load(f"folder:{path}")

    def test_a_part_without_any_good_file_is_refused(self, tmp_path: Path) -> None:
        files = {f"train/{name}": content for name, content in PHOTOS.items()}
        plant(tmp_path, files | {"test/cat/1.png": b"", "test/dog/2.png": b""})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(DataError, match="no file of the test part can be read"):
                load(f"folder:{tmp_path}")

    def test_nothing_but_broken_files_is_refused(self, tmp_path: Path) -> None:
        files = dict.fromkeys(PHOTOS, b"")
        with pytest.raises(DataError, match=r"16 pictures were tried, none is whole\. dog/8\.png"):
            load(f"folder:{plant(tmp_path, files)}")

    def test_a_file_that_breaks_later_is_named_when_it_is_read(self, tmp_path: Path) -> None:
        data = load(f"folder:{plant(tmp_path, PHOTOS)}", memory_bytes=0)
        (tmp_path / "cat" / "0.png").write_bytes(b"")
        with pytest.raises(DataError, match=r"cat/0\.png: the file is empty"):
            data.train.fetch([0])


SOUNDS = {
    f"{word}/{i}.wav": wav(np.full(40 + i, level, np.int16))
    for word, level in (("no", 2**13), ("yes", 2**14))
    for i in range(5)
}


class TestSounds:
    def test_they_take_the_length_of_the_net(self, tmp_path: Path) -> None:
        data = load(f"wav:{plant(tmp_path, SOUNDS)}", input_shape=(1, 60))
        assert (len(data.train), len(data.test), data.sample_rate) == (8, 2, 8000)
        assert (all_of(data.train) != 0).sum(dim=(1, 2)).tolist() == [40, 41, 42, 43] * 2
        assert data.preprocess.kind == "signal"

    def test_without_a_net_they_take_a_second(self, tmp_path: Path) -> None:
        assert load(f"wav:{zipped(tmp_path / 'a.zip', SOUNDS)}").input_shape == (1, 8000)

    def test_sounds_too_many_for_memory_are_read_as_needed(self, tmp_path: Path) -> None:
        spec = f"wav:{plant(tmp_path, SOUNDS)}"
        lazy = load(spec, input_shape=(1, 60), memory_bytes=0)
        quick = load(spec, input_shape=(1, 60))
        assert isinstance(quick.train, ArrayDataset)
        assert torch.equal(all_of(lazy.train), all_of(quick.train))
        assert lazy.train.fetch([]).shape == (0, 1, 60)

    def test_mixed_rates_need_a_word(self, tmp_path: Path) -> None:
        other = {"yes/x.wav": wav(np.full(80, 2**14, np.int16), rate=16000)}
        spec = f"wav:{plant(tmp_path, SOUNDS | other)}"
        message = r"yes/x\.wav: the sound has 16000 .* the first one 8000.* sample_rate=8000"
        for workers in (0, 1):
            with pytest.raises(DataError, match=message):
                load(spec, workers=workers)
        assert load(spec, sample_rate=16000).sample_rate == 16000

    def test_a_broken_sound_is_left_out(self, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match=r"no/0\.wav: a WAV file starts with RIFF"):
            load(f"wav:{plant(tmp_path, SOUNDS | {'no/0.wav': b'MP3'})}")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"input_shape": (3, 8, 8)}, r"sounds become \(1, L\).* takes \(3, 8, 8\)"),
            ({"input_shape": (2, 8)}, r"sounds become \(1, L\)"),
            ({"sample_rate": 0}, "sample_rate=0 must be 1 Hz or more"),
        ],
    )
    def test_what_sounds_cannot_be_is_refused(
        self, tmp_path: Path, options: dict, message: str
    ) -> None:
        with pytest.raises(OptionError, match=message):
            load(f"wav:{plant(tmp_path, SOUNDS)}", **options)

    def test_nothing_but_noise_is_refused(self, tmp_path: Path) -> None:
        files = dict.fromkeys(SOUNDS, b"noise")
        with pytest.raises(DataError, match="holds no WAV file that can be read"):
            load(f"wav:{plant(tmp_path, files)}")


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_change_nothing_in_the_batches(tmp_path: Path, workers: int) -> None:
    data: Data = load(f"folder:{plant(tmp_path, PHOTOS)}", memory_bytes=0)
    batches = data.batches(data.train, 4, shuffle=True, seed=3, workers=workers)
    try:
        for epoch in (1, 2):
            got = torch.cat([batch.inputs for batch in batches.epoch(epoch)])
            alone = data.batches(data.train, 4, shuffle=True, seed=3)
            assert torch.equal(got, torch.cat([batch.inputs for batch in alone.epoch(epoch)]))
    finally:
        batches.close()
