"""Start the server: listen on this machine alone, open the browser, stop on Ctrl-C."""

from __future__ import annotations

import secrets
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable

from ..._extras import require
from ...errors import OptionError
from ._session import Session

HOST = "127.0.0.1"


def listen(port: int = 0) -> socket.socket:
    """Take a port of this machine; no other machine reaches it.

    Args:
        port: Its number; 0 takes a free one.
    Raises:
        OptionError: It is taken, or may not be had.
    """
    if not 0 <= port < 1 << 16:
        raise OptionError(f"look: --port {port} must be from 0 (any that is free) to 65535.")
    # Named as TCP, or asyncio leaves Nagle's algorithm on, and an answer of two parts waits 40 ms.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Without it a port is refused for a minute after a server on it has stopped.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise OptionError(
            f"look: port {port} cannot be had: {error.strerror}. Give another --port, or none for "
            f"one that is free."
        ) from None
    return made


def serve(
    session: Session,
    listener: socket.socket,
    *,
    browse: bool = True,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve the page until Ctrl-C; the process is to end then, and ignores any further one.

    Args:
        session: What is looked at.
        listener: What `listen` gave.
        browse: Open the browser.
        announce: Is told the link.
    """
    require("starlette", extra="look", purpose="The page")
    require("uvicorn", extra="look", purpose="The page")
    import uvicorn

    from ._app import make_app

    port, token = listener.getsockname()[1], secrets.token_urlsafe(24)
    link = f"http://{HOST}:{port}/{token}/"
    config = uvicorn.Config(
        make_app(session, token, port),
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_prepare, args=(session,), daemon=True).start()
    announce(link)
    if browse:
        threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()
    try:
        # While uvicorn runs, it takes Ctrl-C itself; it hands it on when all is answered. Some
        # press it more than once, and would interrupt the end.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        server.run(sockets=[listener])
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        listener.close()


def _prepare(session: Session) -> None:
    """Warm up while the browser starts; what goes wrong is told to the page that asks for it."""
    from contextlib import suppress

    with suppress(Exception):
        session.prepare()
