"""Files below a folder or in a zip: which count, and which are refused."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest

from striate import DataError
from striate.data import _files, open_files

from .makers import plant, zipped

SOME = {"b/2.txt": b"two", "a/1.TXT": b"one", "a/deep/er/3.txt": b"three"}
NOT_COUNTED = {
    "a/1.jpg": b"",
    ".hidden/1.txt": b"",
    "a/.hidden.txt": b"",
    "__MACOSX/a/1.txt": b"",
    "a/._1.txt": b"",
}


@pytest.fixture(params=["folder", "zip"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "folder":
        return plant(tmp_path, SOME | NOT_COUNTED)
    return zipped(tmp_path / "all.zip", SOME | NOT_COUNTED | {"a/": b""})


def test_names_are_sorted_and_hidden_ones_left_out(root: Path) -> None:
    assert open_files(root, [".txt"]).names == ["a/1.TXT", "a/deep/er/3.txt", "b/2.txt"]


def test_files_are_read_also_after_pickling(root: Path) -> None:
    files = open_files(root, [".txt"])
    assert files.read("a/1.TXT") == b"one"
    assert pickle.loads(pickle.dumps(files)).read("b/2.txt") == b"two"


def test_large_files_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = open_files(root, [".txt"])
    monkeypatch.setattr(_files, "LARGEST_FILE_BYTES", 4)
    assert files.read("a/1.TXT") == b"one"
    with pytest.raises(DataError, match="the file has 5 bytes; more than 4 are refused"):
        files.read("a/deep/er/3.txt")


def test_what_is_neither_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere is not there\. Name a folder, or a \.zip"):
        open_files(tmp_path / "nowhere", [".txt"])
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(DataError, match="is neither a folder nor a zip archive"):
        open_files(tmp_path / "a.txt", [".txt"])


class TestFolder:
    def test_links_to_folders_are_followed_once(self, tmp_path: Path) -> None:
        plant(tmp_path / "real", {"1.txt": b""})
        plant(tmp_path / "root", {"a/2.txt": b""})
        (tmp_path / "root" / "b").symlink_to(tmp_path / "real")
        (tmp_path / "root" / "a" / "circle").symlink_to(tmp_path / "root")
        assert open_files(tmp_path / "root", [".txt"]).names == ["a/2.txt", "b/1.txt"]

    def test_a_file_that_has_gone(self, tmp_path: Path) -> None:
        files = open_files(plant(tmp_path, SOME), [".txt"])
        (tmp_path / "b" / "2.txt").unlink()
        with pytest.raises(DataError, match="cannot be read: No such file"):
            files.read("b/2.txt")


class TestArchive:
    def test_a_cut_archive_is_no_archive(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", SOME)
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(DataError, match="neither a folder nor a zip archive"):
            open_files(path, [".txt"])

    def test_a_damaged_member_is_told(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", SOME)
        path.write_bytes(path.read_bytes().replace(b"two", b"owt"))
        with pytest.raises(DataError, match="the archive is damaged here: Bad CRC-32"):
            open_files(path, [".txt"]).read("b/2.txt")

    def test_an_encrypted_member_is_told(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", {"a.txt": b"secret"})
        content = bytearray(path.read_bytes())
        for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            content[content.find(header) + flags] |= 1
        path.write_bytes(content)
        with pytest.raises(DataError, match="the file is encrypted"):
            open_files(path, [".txt"]).read("a.txt")

    def test_a_bomb_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", b"x")
            # Many entries that claim to be the same large member, as overlapping bombs do.
            archive.filelist[0].file_size = 1 << 30
        with pytest.raises(DataError, match="says it unpacks to 1,073,741,824, which no honest"):
            open_files(path, [".txt"])

    def test_dense_but_honest_archives_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "zeros.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.txt", bytes(1 << 22))
        assert len(open_files(path, [".txt"]).read("a.txt")) == 1 << 22
