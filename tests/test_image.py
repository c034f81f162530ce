"""Pictures of every mode and every damage."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from striate import DataError
from striate._image import decode_image, probe_image

from .data.makers import grey, picture


def palette(*colours: tuple[int, int, int]) -> Image.Image:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([value for colour in colours for value in colour])
    return image


class TestModes:
    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            (Image.new("1", (4, 4), 1), 255),
            (Image.new("L", (4, 4), 77), 77),
            (Image.new("LA", (4, 4), (0, 0)), 255),  # transparent shows white paper
            (Image.new("LA", (4, 4), (100, 255)), 100),
            (Image.new("RGB", (4, 4), (255, 0, 0)), 76),  # 0.299 * 255
            (Image.new("RGB", (4, 4), (0, 255, 0)), 150),  # 0.587 * 255
            (Image.new("RGB", (4, 4), (0, 0, 255)), 29),  # 0.114 * 255
            (Image.new("RGBA", (4, 4), (0, 0, 0, 0)), 255),
            (Image.new("RGBA", (4, 4), (0, 0, 0, 255)), 0),
            (palette((50, 50, 50)), 50),
            (Image.fromarray(np.full((4, 4), 257 * 100, np.uint16)), 100),
        ],
        ids=lambda value: getattr(value, "mode", value),
    )
    def test_every_mode_becomes_grey(self, image: Image.Image, expected: int) -> None:
        assert decode_image(picture(image), (1, 4, 4)).flatten().tolist() == [expected] * 16

    @pytest.mark.parametrize(
        ("image", "options"),
        [
            (palette((9, 9, 9), (50, 50, 50)), {"transparency": 0}),
            (palette((9, 9, 9), (50, 50, 50)), {"transparency": b"\0\xff"}),
            (Image.new("L", (4, 4), 3), {"transparency": 3}),
            (Image.new("RGB", (4, 4), (1, 2, 3)), {"transparency": (1, 2, 3)}),
        ],
    )
    def test_a_colour_that_is_transparent_shows_paper(
        self, image: Image.Image, options: dict[str, object]
    ) -> None:
        assert decode_image(picture(image, **options), (3, 4, 4)).min() == 255

    def test_half_transparent_mixes_with_the_paper(self) -> None:
        image = Image.new("RGBA", (4, 4), (0, 0, 0, 51))  # a fifth of ink
        assert decode_image(picture(image), (1, 4, 4))[0, 0, 0] == 204

    def test_cmyk_becomes_colour(self) -> None:
        red = picture(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")
        colour = decode_image(red, (3, 8, 8))[:, 0, 0]
        assert colour[0] > 200
        assert max(colour[1], colour[2]) < 60

    @pytest.mark.parametrize("form", ["TIFF", "PPM", "PNG"])
    def test_sixteen_bits_are_scaled_not_clipped(self, form: str) -> None:
        levels = np.array([[0, 257, 32896, 65535]], np.uint16)
        decoded = decode_image(picture(Image.fromarray(levels), form), (1, 1, 4))
        assert decoded[0, 0].tolist() == [0, 1, 128, 255]

    @pytest.mark.parametrize("form", ["BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"])
    def test_every_format_is_read(self, form: str) -> None:
        decoded = decode_image(picture(Image.new("RGB", (8, 8), (200, 200, 200)), form), (3, 8, 8))
        assert abs(decoded.astype(int) - 200).max() <= 3

    def test_of_an_animation_the_first_picture_is_taken(self) -> None:
        frames = [Image.new("L", (4, 4), level) for level in (10, 200)]
        moving = picture(frames[0], "GIF", save_all=True, append_images=frames[1:])
        assert decode_image(moving, (1, 4, 4)).max() == 10

    def test_floating_point_is_refused(self) -> None:
        image = Image.fromarray(np.ones((4, 4), np.float32))
        with pytest.raises(DataError, match="floating-point numbers, which name no white"):
            decode_image(picture(image, "TIFF"), (1, 4, 4))

    def test_integers_beyond_sixteen_bits_are_refused(self) -> None:
        image = Image.fromarray(np.array([[0, 70000]], np.int32))
        with pytest.raises(DataError, match="go from 0 to 70000; 16-bit grey goes from 0 to 65535"):
            decode_image(picture(image, "TIFF"), (1, 1, 2))


class TestGeometry:
    @pytest.mark.parametrize(
        ("orientation", "upright"),
        [
            (1, [[1, 2], [3, 4]]),
            (2, [[2, 1], [4, 3]]),
            (3, [[4, 3], [2, 1]]),
            (4, [[3, 4], [1, 2]]),
            (5, [[1, 3], [2, 4]]),
            (6, [[3, 1], [4, 2]]),
            (7, [[4, 2], [3, 1]]),
            (8, [[2, 4], [1, 3]]),
        ],
    )
    def test_orientation_is_followed(self, orientation: int, upright: list[list[int]]) -> None:
        image = Image.fromarray(np.array([[1, 2], [3, 4]], np.uint8))
        exif = Image.Exif()
        exif[0x0112] = orientation
        assert decode_image(picture(image, exif=exif), (1, 2, 2))[0].tolist() == upright

    def test_a_probe_sees_the_upright_shape(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        assert probe_image(picture(Image.new("L", (4, 2)), exif=exif)) == (1, 4, 2)
        assert probe_image(picture(Image.new("RGB", (4, 2)))) == (3, 2, 4)

    def test_damaged_exif_says_nothing(self) -> None:
        image = picture(Image.new("L", (4, 2), 9), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
        assert decode_image(image, (1, 2, 4)).shape == (1, 2, 4)
        assert probe_image(image) == (1, 2, 4)

    def test_proportions_are_kept_and_the_middle_taken(self) -> None:
        image = Image.new("L", (30, 10), 0)
        image.paste(255, (10, 0, 20, 10))
        assert decode_image(picture(image), (1, 10, 10)).min() == 255

    def test_shrinking_averages(self) -> None:
        board = np.indices((64, 64)).sum(0) % 2 * 255
        decoded = decode_image(picture(Image.fromarray(board.astype(np.uint8))), (1, 8, 8))
        assert 120 < decoded.min() <= decoded.max() < 136

    def test_a_large_jpeg_decoded_small_looks_the_same(self) -> None:
        ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8).repeat(4), (600, 1)))
        small = decode_image(picture(ramp, "JPEG", quality=95), (1, 24, 41))
        same = decode_image(picture(ramp), (1, 24, 41))
        assert abs(small.astype(int) - same).max() <= 3

    @given(
        size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
        target=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    )
    def test_any_size_covers_any_target(
        self, size: tuple[int, int], target: tuple[int, int]
    ) -> None:
        decoded = decode_image(grey(90, size), (1, *target))
        assert decoded.shape == (1, *target)
        assert set(decoded.flatten().tolist()) == {90}


class TestDamage:
    def test_bombs_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        for side in (12, 40):  # Pillow warns of the one and refuses the other
            with pytest.raises(DataError, match="more than 100 pixels and is refused"):
                decode_image(grey(0, (side, side)), (1, 8, 8))

    @pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF"])
    def test_a_file_cut_short_is_damaged(self, form: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
        whole = picture(Image.fromarray(noise), form)
        with pytest.raises(DataError, match=r"is damaged|no picture"):
            decode_image(whole[: len(whole) // 2], (1, 8, 8))

    def test_an_empty_file_is_called_so(self) -> None:
        with pytest.raises(DataError, match="the file is empty"):
            decode_image(b"", (1, 8, 8))

    def test_formats_that_run_programs_are_not_tried(self) -> None:
        with pytest.raises(DataError, match="no picture of a known format; JPEG, PNG"):
            decode_image(picture(Image.new("RGB", (4, 4)), "EPS"), (3, 4, 4))

    def test_channels_are_one_or_three(self) -> None:
        with pytest.raises(DataError, match=r"\(2, 8, 8\) was asked for"):
            decode_image(grey(0), (2, 8, 8))

    @given(st.binary(max_size=200))
    def test_any_bytes_are_decoded_or_refused(self, content: bytes) -> None:
        for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM"):
            try:
                assert decode_image(start + content, (1, 4, 4)).shape == (1, 4, 4)
            except DataError:
                continue

    def test_warnings_are_left_as_they_were(self) -> None:
        before = warnings.filters[:]
        decode_image(grey(0), (1, 8, 8))
        with pytest.raises(DataError):
            decode_image(b"", (1, 8, 8))
        assert warnings.filters == before
