"""Who may ask what: each of these fails where its guard is taken out."""

import io
import os
import struct
import threading
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate import OptionError, zoo
from striate.look import open_subject
from striate.look.page import Session, _app, _guard, _runs, listen
from striate.look.page._inputs import MOST_PIXELS
from striate.look.page._static import static_table

from .conftest import TOKEN, Client, serving


@pytest.fixture(autouse=True)
def _lives_on(client):
    """Whatever was sent, the next one is answered."""
    yield
    assert client.ask("api/model").status == 200


def good_picture() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(1024, dtype=np.uint8).reshape(32, 32)).save(buffer, "PNG")
    return buffer.getvalue()


# Who asks ---------------------------------------------------------------------------------------


def test_without_the_secret_nothing_is_told(client):
    for path in (
        "/", "/api/model", "/index.html", f"/{TOKEN[:-1]}/api/model", f"/{TOKEN}x/api/model",
        f"/x/{TOKEN}/api/model", "/%00/api/model", "/%C3%A9/api/model",
    ):  # fmt: skip
        reply = client.ask(path, whole=True)
        assert reply.status == 404, path
        assert TOKEN not in reply.content.decode()
        assert b"layers" not in reply.content
    assert client.ask("/api/runs", good_picture(), whole=True).status == 404


def test_secrets_are_compared_in_constant_time(client, monkeypatch):
    asked = []
    honest = _guard.hmac.compare_digest
    monkeypatch.setattr(
        _guard.hmac, "compare_digest", lambda a, b: asked.append((a, b)) or honest(a, b)
    )
    client.ask("/wrong/api/model", whole=True)
    assert asked == [(b"wrong", TOKEN.encode())]


def test_other_names_of_this_machine_are_refused(client):
    """DNS rebinding: a foreign name that points here."""
    for host in ("evil.example", f"evil.example:{client.port}", "127.0.0.1", "localhost:1", ""):
        reply = client.ask("api/model", Host=host)
        assert reply.status in (400, 403), host
        assert b"layers" not in reply.content
    assert client.ask("api/model", Host=f"localhost:{client.port}").status == 200
    twice = (
        f"GET /{TOKEN}/api/model HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nHost: evil\r\n\r\n"
    )
    assert b"layers" not in client.raw(twice.encode())
    none = f"GET /{TOKEN}/api/model HTTP/1.0\r\n\r\n"
    assert b"layers" not in client.raw(none.encode())


def test_other_pages_are_refused(client):
    for origin in (
        "https://evil.example",
        "null",
        f"http://127.0.0.1:{client.port + 1}",
        "file://",
    ):
        for body in (good_picture(), None):
            path = "api/runs" if body else "api/model"
            assert client.ask(path, body, Origin=origin).status == 403, origin
    own = f"http://127.0.0.1:{client.port}"
    assert client.ask("api/runs", good_picture(), Origin=own).status == 200


def test_every_answer_carries_the_policy(client):
    for reply in (client.ask("api/model"), client.ask("nothing"), client.ask("/", whole=True)):
        assert reply.headers["content-security-policy"].startswith("default-src 'none'; script-src")
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in reply.headers


def test_it_listens_to_this_machine_alone():
    with listen() as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_a_taken_port_is_one_sentence():
    with listen() as listener:
        port = listener.getsockname()[1]
        with pytest.raises(OptionError, match=f"port {port} cannot be had"):
            listen(port)
    with pytest.raises(OptionError, match="65535"):
        listen(70000)


# What can be read -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../{up}", "..%2f{up}", "%2e%2e/{up}", "static/../{up}", "//{up}", "%2f{up}", "{up}",
        "..\\{up}", "..%5c{up}", "%252e%252e%252f{up}", "....//{up}", "{up}%00.js",
        "main.js/../{up}",
        "api/samples/..%2f{up}/thumbnail", "api/runs/..%2f{up}/picture",
    ],
)  # fmt: skip
def test_no_file_of_the_disk_has_an_address(client, tmp_path, path):
    secret = tmp_path / "secret.js"
    secret.write_text("the secret content")
    folder = Path(_app.__file__).parent / "static"
    for target in (secret, Path(_app.__file__)):
        up = os.path.relpath(target, folder)
        for name in (up, up.replace("/", "%2f"), str(target).lstrip("/")):
            asked = f"GET /{TOKEN}/{path.format(up=name)} HTTP/1.1\r\n"
            asked += f"Host: 127.0.0.1:{client.port}\r\nConnection: close\r\n\r\n"
            answer = client.raw(asked.encode())
            assert b" 200 " not in answer.split(b"\r\n")[0]
            assert b"secret content" not in answer
            assert b"make_app" not in answer


def test_the_pages_files_are_there(client):
    table = static_table()
    assert {"index.html", "main.js", "style.css"} <= set(table)
    for name, (kind, content) in table.items():
        reply = client.ask(name)
        assert (reply.content, reply.headers["content-type"]) == (content, kind)
    assert client.ask("").content == table["index.html"][1]


def test_a_link_without_its_slash_leads_to_the_page(client):
    reply = client.ask(f"/{TOKEN}", whole=True)
    assert (reply.status, reply.headers["location"]) == (307, f"/{TOKEN}/")


# What is sent -----------------------------------------------------------------------------------


def test_too_many_bytes_are_refused_without_their_number(client, monkeypatch):
    """Chunked, so that no header announces them."""
    monkeypatch.setattr(_app, "MOST_BYTES", 1 << 20)
    chunk = bytes(1 << 16)
    connection = client.connect()
    connection.request("POST", f"/{TOKEN}/api/runs", (chunk for _ in range(20)))
    reply = connection.getresponse()
    assert reply.status == 413
    assert b"larger than 1 MB" in reply.read()
    connection.close()
    assert client.ask("api/runs", bytes(2 << 20)).status == 413


def test_an_endless_upload_is_cut(client, monkeypatch):
    monkeypatch.setattr(_app, "MOST_BYTES", 1 << 16)
    monkeypatch.setattr(_app, "MOST_DISCARDED", 1 << 20)
    sent = 0

    def endless():
        nonlocal sent
        while sent < 1 << 28:
            sent += 1 << 16
            yield bytes(1 << 16)

    connection = client.connect()
    try:
        connection.request("POST", f"/{TOKEN}/api/runs", endless())
        assert connection.getresponse().status == 413
    except OSError:
        pass  # it was cut while more was being sent
    finally:
        connection.close()
    assert sent < 1 << 28


def bomb(side: int, announced: int = 0) -> bytes:
    """A PNG of few bytes and many black pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checked = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checked)

    packer = zlib.compressobj(9)
    row = bytes(1 + side)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    wide = announced or side
    head = struct.pack(">IIBBBBB", wide, wide, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(client, monkeypatch):
    side = int(MOST_PIXELS**0.5) + 1
    content = bomb(side)
    assert len(content) < 1 << 17
    decoded = []
    monkeypatch.setattr(Image.Image, "load", lambda self: decoded.append(self))
    reply = client.ask("api/runs", content)
    assert reply.status == 413
    assert f"{side} x {side}" in reply.json["error"]
    assert not decoded


def test_a_header_that_announces_more_than_any_memory_holds(client):
    for announced in (60_000, 2**31 - 1):
        reply = client.ask("api/runs", bomb(8, announced))
        assert reply.status == 422
        assert "more than 89,478,485 pixels" in reply.json["error"]


def test_damaged_files_get_a_sentence(client):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    jpeg = buffer.getvalue()
    for content in (
        jpeg[: len(jpeg) // 2], jpeg[:20], b"", b"GIF89a", b"\x00" * 1000, b"<svg onload=alert(1)>",
        good_picture()[:60], b"%!PS-Adobe-3.0 EPSF-3.0\n", b"RIFF\x00\x00\x00\x00WAVE",
    ):  # fmt: skip
        reply = client.ask("api/runs", content)
        assert reply.status in (400, 422), content[:20]
        assert reply.json["error"]
    assert client.ask("api/runs", good_picture()).status == 200


def test_odd_json_gets_a_sentence(client):
    json = {"Content_Type": "application/json"}
    for body in (
        b"{",
        b"[" * 100_000,
        b"\xff",
        b"3",
        b'{"sample": -1}',
        b'{"sample": 1e99}',
        b"[]",
    ):
        assert client.ask("api/runs", body, **json).status in (400, 404), body[:10]
        assert client.ask("api/whatif", body, **json).status == 400, body[:10]


def test_other_methods_are_refused(client):
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        assert client.ask("api/model", method=method).status == 405


def test_a_sound_at_a_rate_that_would_fill_the_memory():
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    subject = open_subject(net, (1, 1, 64))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 1, 0, "NONE", ""))
        file.writeframes(bytes(2_000_000))
    with serving(Session(subject)) as client:
        reply = client.ask("api/runs", buffer.getvalue())
        assert reply.status == 422
        assert "rate must be" in reply.json["error"]


# What is kept -----------------------------------------------------------------------------------


def test_weights_that_are_no_numbers():
    net = zoo.create("lenet5").eval()
    with torch.no_grad():
        net.c1.weight[0] = float("nan")
        net.c3.bias[0] = float("inf")
    with serving(Session(open_subject(net, (1, 1, 32, 32)))) as client:
        run = client.ask("api/runs", good_picture()).json
        assert run["prediction"] == []
        assert run["layers"][0]["mean"] is None
        number = run["id"]
        assert np.isnan(client.ask(f"api/runs/{number}/maps/0").array[0]).all()
        told = client.ask(f"api/runs/{number}/histogram/0").json
        assert told["not_finite"] == 28 * 28
        assert client.ask("api/filters/0").headers["x-limit"]
        unit = client.ask(f"api/runs/{number}/unit/0?channel=0&place=1,1").json
        assert unit["value"] is None
        for layer in range(12):
            assert client.ask(f"api/runs/{number}/histogram/{layer}").status == 200


def test_the_input_that_was_used_longest_ago_goes(net):
    subject = open_subject(net, (1, 1, 32, 32))
    kept = _runs.Runs()
    random = np.random.default_rng(0)
    numbers = [
        kept.add(random.random((1, 1, 32, 32), np.float32), subject)
        for _ in range(_runs.KEPT_INPUTS)
    ]
    kept.of(numbers[0], subject)
    kept.add(np.zeros((1, 1, 32, 32), np.float32), subject)
    assert kept.of(numbers[0], subject)
    with pytest.raises(_app.RequestError, match="no longer kept"):
        kept.of(numbers[1], subject)


def test_maps_are_let_go_and_made_again(net, monkeypatch):
    subject = open_subject(net, (1, 1, 32, 32))
    monkeypatch.setattr(_runs, "KEPT_BYTES", 1)
    kept = _runs.Runs()
    first = kept.add(np.ones((1, 1, 32, 32), np.float32), subject)
    before = kept.of(first, subject)["c3"].copy()
    kept.add(np.zeros((1, 1, 32, 32), np.float32), subject)
    assert len(kept._maps) == 1
    np.testing.assert_array_equal(kept.of(first, subject)["c3"], before)


def test_several_tabs_at_once(client: Client):
    """Each gets the maps of its own picture."""
    found: dict[int, np.ndarray] = {}

    def tab(seed: int) -> None:
        pixels = np.random.default_rng(seed).integers(0, 256, (32, 32), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        for _ in range(3):
            number = client.ask("api/runs", buffer.getvalue()).json["id"]
            found[seed] = client.ask(f"api/runs/{number}/maps/0?side=0").array

    tabs = [threading.Thread(target=tab, args=(seed,)) for seed in range(6)]
    for one in tabs:
        one.start()
    for one in tabs:
        one.join()
    for seed, maps in found.items():
        pixels = np.random.default_rng(seed).integers(0, 256, (32, 32), np.uint8)
        given = pixels[None, None] / np.float32(255)
        np.testing.assert_array_equal(maps, client.session.subject.run(given)["c1"])
    assert len(found) == 6


def test_one_slow_answer_does_not_hold_the_others_up(net, monkeypatch):
    """Answers are computed beside the loop that reads requests."""
    session = Session(open_subject(net, (1, 1, 32, 32)))
    started, go_on = threading.Event(), threading.Event()
    honest = session.run

    def slow(number: str):
        started.set()
        assert go_on.wait(60)
        return honest(number)

    with serving(session) as client:
        number = client.ask("api/runs", good_picture()).json["id"]
        monkeypatch.setattr(session, "run", slow)
        replies = []
        waiting = threading.Thread(
            target=lambda: replies.append(client.ask(f"api/runs/{number}/maps/0"))
        )
        waiting.start()
        assert started.wait(60)
        assert client.ask("api/model").status == 200
        assert not replies
        go_on.set()
        waiting.join()
        assert replies[0].status == 200
