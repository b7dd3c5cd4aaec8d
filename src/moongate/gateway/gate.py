"""Who gets in: Host and Origin of every request, the key, and the body of those that post.

`Door` is the outermost layer; what it refuses reaches no route. The hot path's requests do not come by: `porter` has
the same rules for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moongate.gateway import replies
from moongate.gateway.counts import Counts
from moongate.gateway.porter import EXPOSED, KEY_MAX_LENGTH, Porter
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller, Till
from moongate.gateway.tally import log_access, route_of

SILENCE_S = 30.0  # the longest pause within a body that is being sent
_HEADER_NAMES = re.compile(r"[A-Za-z0-9-]+(?:, ?[A-Za-z0-9-]+){0,60}")


class RefusedError(Exception):
    """A request gets `refusal` for an answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def answer(refusal: Refusal) -> Response:
    """Return a refusal as a response."""
    return Response(
        refusal.body, refusal.status, {"content-type": "application/json; charset=utf-8", **refusal.headers}
    )


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The key and the body of a request."""

    till: Till
    porter: Porter

    def caller(self, headers: Headers) -> Caller:
        """Return who is calling. Raises RefusedError: 401 in Moonshot's two wordings."""
        given = headers.getlist("authorization")
        scheme, _, secret = (given[0] if given else "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise RefusedError(replies.NO_KEY)
        found = None
        if len(given) == 1 and len(secret) <= KEY_MAX_LENGTH and secret.isascii():
            found = self.till.caller(secret.encode())
        if found is None:
            raise RefusedError(replies.WRONG_KEY)
        return found

    async def body(self, headers: Headers, receive: Receive) -> bytes:
        """Return the body of a JSON post. Raises RefusedError: 415, 413, 408.

        A body that is too large is read to its end if that is not far, so that the client sees the answer.
        """
        self._check_kind(headers)
        limit = self.porter.options.max_body_bytes
        body, size = bytearray(), int(headers.get("content-length") or 0)
        if size > 2 * limit:
            raise RefusedError(replies.TOO_LARGE)
        size = 0
        async with contextlib.aclosing(pieces(receive)) as arriving:
            async for piece in arriving:
                size += len(piece)
                if size > 2 * limit:
                    break
                if size <= limit:
                    body += piece
        if size > limit:
            raise RefusedError(replies.TOO_LARGE)
        return bytes(body)

    def _check_kind(self, headers: Headers) -> None:
        # Only JSON: a web page can post text and forms anywhere, but JSON only where it was let in.
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RefusedError(replies.NOT_JSON_TYPE)
        if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
            raise RefusedError(replies.ENCODED)


async def pieces(receive: Receive) -> AsyncGenerator[bytes, None]:
    """Yield a body as it arrives. Raises RefusedError for one that stalls, ClientDisconnect."""
    more = True
    while more:
        try:
            async with asyncio.timeout(SILENCE_S):
                message = await receive()
        except TimeoutError:
            raise RefusedError(replies.TOO_SLOW) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)


class Door:
    """ASGI middleware: no other host's name, no foreign origin, CORS for the configured ones. Answers are counted."""

    def __init__(self, app: ASGIApp, *, porter: Porter, counts: Counts) -> None:
        self._app = app
        self._porter = porter
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = self._counted(send, scope["method"], scope["path"])
        headers = Headers(scope=scope)
        if not self._porter.knows(headers.get("host")):
            refusal = replies.forbidden("the Host header does not name this gateway")
            await answer(refusal)(scope, receive, send)
            return
        origin = headers.get("origin")
        if origin is None:
            await self._app(scope, receive, send)
        elif origin.lower() not in self._porter.options.cors_origins:
            await answer(replies.forbidden("this origin is not configured"))(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await Response(status_code=204, headers=_preflight(headers, origin))(scope, receive, send)
        else:
            await self._app(scope, receive, _with_cors(send, origin))

    def _counted(self, send: Send, method: str, path: str) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counts.answered(route_of(path), message["status"])
                if self._porter.options.access_log:
                    log_access(method, path, message["status"])
            await send(message)

        return sending


def _preflight(headers: Headers, origin: str) -> dict[str, str]:
    wanted = headers.get("access-control-request-headers", "")
    allowed = wanted if _HEADER_NAMES.fullmatch(wanted) else "authorization, content-type"
    answered = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, POST, DELETE",
        "access-control-allow-headers": allowed,
        "access-control-max-age": "600",
        "vary": "Origin",
    }
    if headers.get("access-control-request-private-network") == "true":
        answered["access-control-allow-private-network"] = "true"  # a public page reaching into loopback
    return answered


def _with_cors(send: Send, origin: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            pairs = {
                "access-control-allow-origin": origin,
                "access-control-expose-headers": EXPOSED.decode(),
                "vary": "Origin",
            }
            own = [(name.encode(), value.encode("latin-1")) for name, value in pairs.items()]
            message = {**message, "headers": [*message.get("headers", []), *own]}
        await send(message)

    return sending
