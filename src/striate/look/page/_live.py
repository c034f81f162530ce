"""A training run while it goes on: its curves, and its weights whenever they are written anew."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from ...errors import StriateError
from ...train import Run
from .._subject import open_subject
from ._answers import Answer, Ask, Json, RequestError
from ._session import Session

_log = logging.getLogger(__name__)

Stamp = tuple[str, int, int]


class Watched:
    """The folder of a run.

    Nothing runs in the background: the page asks every few seconds, and then it is looked.

    Args:
        path: The folder.
        net: The user's own function that builds its network.
    """

    def __init__(self, path: Path, net: str | None = None) -> None:
        self.path = path
        self.net = net
        self.updated = 0
        self._seen = self._stamp()
        self._reading = threading.Lock()

    def renew(self, session: Session) -> None:
        """Read the weights again where they changed; while they are being read, the old serve.

        The files of a run appear whole. If one is damaged all the same, the old weights stay, and
        it is read again when it changes.
        """
        stamp = self._stamp()
        if stamp == self._seen or not self._reading.acquire(blocking=False):
            return
        try:
            self._seen = stamp
            session.replace(open_subject(self.path, net=self.net))
            self.updated += 1
        except StriateError as error:
            _log.warning("the weights of %s are left as they were: %s", self.path, error)
        finally:
            self._reading.release()

    def _stamp(self) -> Stamp | None:
        """What tells that the newest weights are other ones."""
        try:
            name = Run.open(self.path).newest_weights()
            state = (self.path / f"{name}.safetensors").stat()
        except (StriateError, OSError):
            return None
        return name, state.st_mtime_ns, state.st_size


def live(session: Session, ask: Ask) -> Answer:
    """The run's epochs so far, and a number that grows when its weights change."""
    watched = session.watched
    if watched is None:
        raise RequestError("No training run is watched.")
    watched.renew(session)
    return Json({"epochs": Run.open(watched.path).epochs(), "updated": watched.updated})
