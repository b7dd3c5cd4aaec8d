"""What a fault does to the bytes of an answer. Pure: a reply in, another reply out; sockets are `connection`'s."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from moongate.testing.exchange import JSON, Reply
from moongate.testing.faults import Fault
from moongate.testing.shapes import DONE, event

HTML_504 = (
    b"<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n"
    b"<center><h1>504 Gateway Time-out</h1></center>\r\n</body>\r\n</html>\r\n"
)
HTML = ("content-type", "text/html; charset=utf-8")


def replaced(fault: Fault) -> Reply | None:
    """Return the answer that a fault gives in place of the real one, None when it has none of its own."""
    match fault.kind:
        case "status":
            return _chosen(fault)
        case "garbage":
            return Reply(body=_bytes(fault.body) or b"<!doctype html><title>Welcome</title>")
        case "html_504":
            return Reply(status=504, headers=(HTML,), body=HTML_504)
        case "redirect":
            return Reply(status=307, headers=(("location", fault.url),))
        case "huge" | "endless":
            return Reply(stream=filler_list(fault.size_bytes if fault.kind == "huge" else None))
    return None


def _chosen(fault: Fault) -> Reply:
    headers = tuple(fault.headers.items())
    typed = any(name.lower() == "content-type" for name, _ in headers)
    return Reply(status=fault.status, headers=headers if typed else (JSON, *headers), body=_bytes(fault.body))


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else msgspec.json.encode(body)


def filler_list(size: int | None) -> Iterator[bytes]:
    """Yield a model list piece by piece until it has `size` bytes; None: without end."""
    yield (head := b'{"object":"list","data":[')
    sent, number = len(head), 0
    while size is None or sent < size - 2:
        rows = [{"id": f"filler-model-{number + i:09d}", "object": "model", "created": 0} for i in range(1000)]
        piece = (b"," if number else b"") + msgspec.json.encode(rows)[1:-1]
        sent, number = sent + len(piece), number + 1000
        yield piece
    yield b"]}"


def spoiled(reply: Reply, fault: Fault, dialect: str) -> Reply:
    """Return the answer with the fault in its bytes; faults of the connection leave it as it is."""
    if fault.kind == "slow":
        return dataclasses.replace(reply, delay_s=reply.delay_s + fault.seconds)
    if fault.kind == "error_in_stream" and reply.stream is not None:
        failure = event(fault.body or _FAILURES.get(dialect, _FAILURES["moonshot"]))
        return dataclasses.replace(reply, stream=_failing(reply.stream, failure))
    change = _CHANGES.get(fault.kind)
    if change is None:
        return reply
    if reply.stream is None:
        pieces = list(change([reply.body]))
        if fault.kind == "broken_utf8":
            return dataclasses.replace(reply, body=b"".join(pieces))
        return dataclasses.replace(reply, stream=pieces) if fault.kind in ("half_utf8", "drip") else reply
    return dataclasses.replace(reply, stream=change(reply.stream))


def _dripped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from (piece[i : i + 1] for i in range(len(piece)))


def _half(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut every piece inside its first character beyond ASCII."""
    for piece in pieces:
        place = next((i for i, byte in enumerate(piece) if byte >= 0xC0), None)
        yield from [piece] if place is None else [piece[: place + 1], piece[place + 1 :]]


def _broken(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Put a lone first byte of a character into the first content that is not empty."""
    broken = False
    for piece in pieces:
        mark = piece.find(b'"content":"') + len(b'"content":"')
        if not broken and mark >= len(b'"content":"') and piece[mark : mark + 1] != b'"':
            broken = True
            yield piece[:mark] + b"\xe6" + piece[mark:]
        else:
            yield piece


def _duplicated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        if b'"usage":{' in piece:
            yield piece


def _undone(pieces: Iterable[bytes]) -> Iterator[bytes]:
    return (piece for piece in pieces if piece != DONE)


def _failing(pieces: Iterable[bytes], failure: bytes) -> Iterator[bytes]:
    """Let two events pass, then an error object, then nothing: not even [DONE]."""
    for number, piece in enumerate(pieces):
        if number == 2:
            break
        yield piece
    yield failure


# Moonshot's wording is that of its 429, since no capture of an error inside its streams is known.
_FAILURES: Mapping[str, object] = {
    "moonshot": {
        "error": {
            "message": "The engine is currently overloaded, please try again later",
            "type": "engine_overloaded_error",
        }
    },
    "openrouter": {
        "error": {"code": 502, "message": "Provider returned error", "metadata": {"error_type": "server"}},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    },
}
_CHANGES: Mapping[str, Callable[[Iterable[bytes]], Iterator[bytes]]] = {
    "drip": _dripped,
    "half_utf8": _half,
    "broken_utf8": _broken,
    "duplicate_usage": _duplicated,
    "no_done": _undone,
}
