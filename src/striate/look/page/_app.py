"""The web application: endpoints and the page's files over HTTP, behind the guard."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...errors import StriateError
from ._answers import Answer, Ask, Json, Numbers, RequestError
from ._endpoints import ENDPOINTS, Endpoint
from ._guard import Guard
from ._session import Session
from ._static import static_table

MOST_BYTES = 32 << 20
"""Of an upload."""

MOST_DISCARDED = 8 * MOST_BYTES
"""Of an upload that is refused; then the connection is cut."""

UPLOADS = 4
"""That are read and run at the same time; others wait."""

UPLOAD_SECONDS = 60
"""In which an upload must have come."""

_log = logging.getLogger(__name__)


def make_app(session: Session, token: str, port: int) -> Guard:
    """Make the ASGI application.

    Args:
        session: What is looked at.
        token: The secret that every path begins with.
        port: The server's, which the Host header must name.
    """
    uploads, turns = asyncio.Semaphore(UPLOADS), CapacityLimiter(1)
    routes = [_route(session, endpoint, uploads, turns) for endpoint in ENDPOINTS]
    routes += [Route("/", _page), Route("/{name}", _page)]
    handlers: Any = {HTTPException: _no_such, Exception: _broken}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token, port)


def _route(
    session: Session, endpoint: Endpoint, uploads: asyncio.Semaphore, turns: CapacityLimiter
) -> Route:
    limiter = turns if endpoint.patient else None

    async def answer(request: Request) -> Response:
        try:
            if endpoint.method == "POST":
                async with uploads:
                    body = await asyncio.wait_for(_body(request), UPLOAD_SECONDS)
                    return await run_sync(_answered, session, endpoint, request, body)
            return await run_sync(_answered, session, endpoint, request, None, limiter=limiter)
        except RequestError as error:
            return _refusal(error.status, error)
        except StriateError as error:
            return _refusal(422, error)
        except TimeoutError:
            return _refusal(408, "The upload took too long.")
        except ClientDisconnect:
            return _refusal(400, "The upload was broken off.")
        except MemoryError:
            return _refusal(507, "There is not enough memory for this.")

    return Route(endpoint.path, answer, methods=[endpoint.method])


def _answered(session: Session, endpoint: Endpoint, request: Request, body: Any) -> Response:
    """Compute and pack an answer, in a thread of its own."""
    ask = Ask(request.path_params, request.query_params, body)
    return _response(endpoint.answer(session, ask))


def _response(answer: Answer) -> Response:
    if isinstance(answer, Json):
        return Response(answer.content(), media_type="application/json")
    if isinstance(answer, Numbers):
        headers = {"X-Shape": answer.shape, **answer.headers}
        return Response(answer.content(), headers=headers, media_type="application/octet-stream")
    return Response(answer.content, media_type="image/png")


async def _body(request: Request) -> Any:
    """Read a POST: JSON as what it says, anything else as bytes.

    Raises:
        RequestError: Larger than `MOST_BYTES`, whatever its header says; or damaged JSON.
    """
    content, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_DISCARDED:
            break
        # Browsers see an answer only when all is sent; so what is too much is let by.
        if size <= MOST_BYTES:
            content += chunk
        else:
            content.clear()
    if size > MOST_BYTES:
        raise RequestError(f"The file is larger than {MOST_BYTES >> 20} MB.", 413)
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return bytes(content)
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise RequestError("The body is no JSON object.", 400)
    return told


async def _page(request: Request) -> Response:
    name = request.path_params.get("name", "index.html")
    found = static_table().get(name)
    if found is None:
        return _refusal(404, "There is no such page.")
    return Response(found[1], media_type=found[0])


async def _no_such(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refusal(error.status_code, f"{error.detail}: {request.method} {request.url.path}.")


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("%s %s", request.method, request.url.path, exc_info=error)
    return _refusal(500, f"This went wrong in the server: {type(error).__name__}. It lives on.")


def _refusal(status: int, error: object) -> Response:
    headers = {"Connection": "close"} if status == 413 else None  # cuts what is still coming
    return JSONResponse({"error": str(error)}, status, headers)
