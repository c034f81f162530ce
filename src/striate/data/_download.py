"""Downloads: resumed where they stopped, checked, and put in place only when whole.

What has come of a file stands in its folder as `.part`. pooch checks the MD5 and renames, so under
the file's own name there is only ever the whole file.
"""

from __future__ import annotations

import http.client
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from .._extras import require
from ..errors import DataError
from ._progress import track
from ._sources import Source

_PIECE_BYTES = 1 << 18
_TRIES = 3
_TIMEOUT = 30.0
_CUT = (ConnectionError, TimeoutError, http.client.IncompleteRead)


def download(name: str, source: Source, folder: Path) -> Path:
    """Fetch one file of the data set `name` into a folder, unless it is there.

    Raises:
        DataError: No network, a server's refusal, a wrong checksum, a full disk.
    """
    target = folder / source.name
    part = folder / f"{source.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            if target.is_file():
                return target  # another process has fetched it while we waited
            # What had come before may be of an older file; then a second try starts from nothing.
            for _ in range(2 if part.exists() else 1):
                if _retrieve(source, target, part):
                    return target
    except (OSError, http.client.HTTPException) as error:
        kept = f" {part.stat().st_size:,} bytes have come and are kept." if part.exists() else ""
        raise DataError(
            f"{name}: {source.url} could not be fetched: {_reason(error)}.{kept} "
            f"{_remedy(source, folder)}"
        ) from None
    raise DataError(
        f"{name}: {source.url} sent a file whose MD5 is not {source.md5}, so it was changed or "
        f"damaged, and has been thrown away. {_remedy(source, folder)}"
    )


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)  # URLError wraps the system's error, or a text
    return str(getattr(inner, "strerror", None) or inner)


def _remedy(source: Source, folder: Path) -> str:
    return (
        f"Try again; or fetch {source.name} in another way and put it into {folder}; or, if you "
        f"have it already, name its folder with --data-dir."
    )


def _retrieve(source: Source, target: Path, part: Path) -> bool:
    """Fetch, check and rename; or find the checksum wrong, with nothing left behind."""
    pooch = require("pooch", extra="data", purpose="Downloading a data set")
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # the bar says it all
    try:
        pooch.retrieve(
            source.url,
            known_hash=f"md5:{source.md5}",
            fname=target.name,
            path=target.parent,
            downloader=partial(_download_for_pooch, part),
        )
    except ValueError:
        return False
    finally:
        logger.setLevel(level)
    return True


def _download_for_pooch(part: Path, url: str, output_file: str, _: Any) -> None:
    for attempt in range(_TRIES):
        try:
            _fetch(url, part)
            break
        except _CUT:
            if attempt == _TRIES - 1:
                raise
    part.replace(output_file)


def _fetch(url: str, part: Path) -> None:
    """Fetch what is missing of a file, or all of it if the server cannot send a part."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "striate"})  # noqa: S310
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if have and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is missing; the checksum will tell
        raise
    with response:
        partial_content = have and response.status == http.HTTPStatus.PARTIAL_CONTENT
        have = have if partial_content else 0
        total = have + int(response.headers.get("Content-Length") or 0)
        with (
            part.open("ab" if partial_content else "wb") as file,
            track(part.stem, total, in_bytes=True) as advance,
        ):
            advance(have)
            have += _copy(response.read, file.write, advance)
    if have < total:
        raise ConnectionError(f"the connection ended after {have:,} of {total:,} bytes")


def _copy(
    read: Callable[[int], bytes], write: Callable[[bytes], int], advance: Callable[[int], None]
) -> int:
    count = 0
    while piece := read(_PIECE_BYTES):
        write(piece)
        advance(len(piece))
        count += len(piece)
    return count


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time download into a folder, where the system can do that."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
