"""The bytes of an answer's head, and of whole answers that are no: what goes to a caller beside a body.

Only what stands here reaches a caller: no header of an upstream is passed on.
"""

from __future__ import annotations

from http import HTTPStatus

from moongate.gateway.replies import Refusal

JSON = b"content-type: application/json; charset=utf-8\r\n"
CLOSE = b"connection: close\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
NANO = 10**9
_PHRASES = {int(status): status.phrase.encode() for status in HTTPStatus}
_PLAIN = (
    b"HTTP/1.1 200 OK\r\n%b" + JSON + b"msh-request-id: %b\r\n%bx-moongate-overhead-ms: %.2f\r\n"
    b"%b%bcontent-length: %d\r\n\r\n%b"
)
_STREAM = (
    b"HTTP/1.1 200 OK\r\n%bcontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"x-accel-buffering: no\r\nmsh-request-id: %b\r\n%bx-moongate-overhead-ms: %.2f\r\n%b"
)


def whence(provider: str, model: str) -> bytes:
    """Return the lines that tell who answered."""
    return b"x-moongate-provider: %b\r\nx-moongate-model: %b\r\n" % (safe(provider), safe(model))


def plain(
    date: bytes, request_id: str, whence: bytes, overhead_ms: float, cost: bytes, own: bytes, body: bytes
) -> bytes:
    """Return a whole answer; `cost` is a line or nothing, `own` are more header lines."""
    return _PLAIN % (date, request_id.encode(), whence, overhead_ms, cost, own, len(body), body)


def stream(date: bytes, request_id: str, whence: bytes, overhead_ms: float, own: bytes) -> bytes:
    """Return the head of a stream but for the empty line; `own` are more header lines."""
    return _STREAM % (date, request_id.encode(), whence, overhead_ms, own)


def refusal(date: bytes, refused: Refusal, own: bytes) -> bytes:
    """Return a whole answer that is no."""
    more = b"".join(b"%b: %b\r\n" % (safe(name), safe(value)) for name, value in refused.headers.items())
    body = refused.body
    return b"HTTP/1.1 %d %b\r\n%b%b%b%bcontent-length: %d\r\n\r\n%b" % (
        refused.status,
        _PHRASES.get(refused.status, b""),
        date,
        JSON,
        more,
        own,
        len(body),
        body,
    )


def cost_line(nano: int | None, currency: str) -> bytes:
    """Return the line that tells an amount; nothing where no price is known."""
    if nano is None:
        return b""
    return b"x-moongate-cost: %d.%09d %b\r\n" % (nano // NANO, nano % NANO, currency.encode())


def cost_of(nano: int | None, currency: str) -> bytes:
    """Return an amount as the headers tell it: `0.000012300 USD`; nothing where no price is known."""
    if nano is None:
        return b""
    return b"%d.%09d %b" % (nano // NANO, nano % NANO, currency.encode())


def comment(provider: str, model: str, overhead_ms: float, cost: bytes) -> bytes:
    """Return the comment that closes a stream; clients pass over it."""
    return b": moongate provider=%b model=%b overhead-ms=%.2f%b\n\n" % (
        safe(provider),
        safe(model),
        overhead_ms,
        b" cost=" + cost if cost else b"",
    )


def safe(text: str) -> bytes:
    """Return a text that cannot end its header line, whatever a list or a configuration says."""
    if text.isascii() and text.isprintable():
        return text.encode()
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text).encode()
