"""A real server on this machine, and what asks it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import uvicorn

from striate import zoo
from striate.look import open_subject
from striate.look.page import Session, listen
from striate.look.page._app import make_app

TOKEN = "secret-of-the-tests"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def array(self) -> np.ndarray:
        shape = [int(n) for n in self.headers["x-shape"].split(",")]
        return np.frombuffer(self.content, "<f4").reshape(shape)


class Client:
    """Asks a server over a real socket."""

    def __init__(self, session: Session) -> None:
        self.session = session
        listener = listen()
        self.port = listener.getsockname()[1]
        app = make_app(session, TOKEN, self.port)
        config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]})
        self.thread.start()

    @property
    def link(self) -> str:
        """What a browser opens."""
        return f"http://127.0.0.1:{self.port}/{TOKEN}/"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(
        self, path: str, body: Any = None, *, method: str = "", whole: bool = False, **headers: str
    ) -> Reply:
        """Ask for a path below the secret (`whole`: for a path as it is)."""
        connection = self.connect()
        if isinstance(body, dict):
            body, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        try:
            method = method or ("GET" if body is None else "POST")
            connection.request(method, path if whole else f"/{TOKEN}/{path}", body, named)
            reply = connection.getresponse()
            found = {key.lower(): value for key, value in reply.getheaders()}
            return Reply(reply.status, found, reply.read())
        finally:
            connection.close()

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are, and give the whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def layer(self, name: str) -> int:
        names = [layer["name"] for layer in self.ask("api/model").json["layers"]]
        return names.index(name)


@contextmanager
def serving(session: Session) -> Iterator[Client]:
    client = Client(session)
    try:
        yield client
    finally:
        client.stop()


@pytest.fixture(scope="session")
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    return zoo.create("lenet5").eval()


@pytest.fixture(scope="session")
def client(net) -> Iterator[Client]:
    from striate.look.page._examples import example_samples

    subject = open_subject(net, (1, 1, 32, 32), classes=[f"digit {i}" for i in range(10)])
    with serving(Session(subject, samples=example_samples(subject))) as made:
        yield made
