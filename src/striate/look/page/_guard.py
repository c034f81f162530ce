"""Who may ask: only a page that was opened by the link with the secret in it, from this machine."""

from __future__ import annotations

import hmac
from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer."""


class Guard:
    """Let through what names this host and knows the secret; everything else is refused unseen.

    The Host header is checked because a foreign name may be made to point at this machine (DNS
    rebinding); the Origin because any page may send a POST. The secret is compared in constant
    time.

    Args:
        app: What answers; it sees paths without the secret.
        token: The secret, the first part of every path.
        port: Of this server.
    """

    def __init__(self, app: Any, token: str, port: int) -> None:
        self.app = app
        self.token = token.encode()
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self.origins = {f"http://{host}" for host in self.hosts}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        refused = self._refused(scope)
        if refused is not None:
            refused.headers.update(HEADERS)
            await refused(scope, receive, send)
            return
        inner = {**scope, "path": "/" + _parts(scope)[1]}
        inner["raw_path"] = inner["path"].encode()

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self.app(inner, receive, send_guarded)

    def _refused(self, scope: Any) -> Response | None:
        headers = dict(scope["headers"])  # of a repeated name the last, as no browser sends one
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self.hosts or [k for k, _ in scope["headers"]].count(b"host") != 1:
            return _error(403, "This server answers to 127.0.0.1 and localhost alone.")
        given, rest = _parts(scope)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.token):
            return _error(404, "Open the full link that `striate look` printed.")
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1") not in self.origins:
            return _error(403, "Requests of other pages are not answered.")
        if not rest and not scope["path"].endswith("/"):
            return RedirectResponse(f"{scope['path']}/", 307)
        return None


def _parts(scope: Any) -> tuple[str, str]:
    """The first part of the path, and the rest."""
    first, _, rest = scope["path"].removeprefix("/").partition("/")
    return first, rest


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)
