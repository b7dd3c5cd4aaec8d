"""What arrives at the fake and what leaves it: `Received`, `Reply`, and `Refusal` for an answer that is no.

Values only: `connection` reads and writes the bytes, `app` decides, `refusals` words the errors.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

JSON = ("content-type", "application/json; charset=utf-8")
EVENTS = ("content-type", "text/event-stream")


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it came in, before anything judged it."""

    method: str
    path: str  # decoded, without the query
    query: Mapping[str, str]  # the first value of each name
    headers: Mapping[str, str]  # names in lower case; repeated headers joined with ", "
    body: bytes = b""
    at: float = 0.0  # seconds since the epoch, by the server's clock
    oversize: bool = False  # the body is longer than the server takes, and cut

    def json(self) -> Any:
        """Return the body as JSON; raises `msgspec.DecodeError` when it is none."""
        return msgspec.json.decode(self.body)

    def matches(self, method: str | None, path: str | None) -> bool:
        """Say whether this is a request of that method whose path is `path` or ends with it; None means any."""
        return (method is None or self.method == method) and (path is None or same_path(self.path, path))


def same_path(path: str, wanted: str) -> bool:
    """Compare paths so that "/chat/completions" also names "/v1/chat/completions"; a trailing * means any rest."""
    if wanted.endswith("*"):
        return wanted[:-1] in path
    return path == wanted or path.endswith("/" + wanted.lstrip("/"))


def received(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes, at: float) -> Received:
    """Make a `Received` of what the wire carried."""
    path, _, query = target.partition("?")
    folded: dict[str, str] = {}
    for name, value in headers:
        folded[name.lower()] = f"{folded[name.lower()]}, {value}" if name.lower() in folded else value
    values = {name: rest[0] for name, rest in urllib.parse.parse_qs(query, keep_blank_values=True).items()}
    return Received(method=method, path=urllib.parse.unquote(path), query=values, headers=folded, body=body, at=at)


def nothing() -> None:
    """Release nothing."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. With `stream`, its pieces are sent chunked, each one on its own; else `body` with its length."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (JSON,)
    body: bytes = b""
    stream: Iterable[bytes] | None = None
    delay_s: float = 0.0  # before the first byte
    pause_s: float = 0.0  # before each piece of the stream
    release: Callable[[], None] = nothing  # called once, when nothing more will be sent


def reply_json(value: object, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Answer with a JSON document, characters beyond ASCII unescaped as Moonshot sends them."""
    return Reply(status=status, headers=(JSON, *headers), body=msgspec.json.encode(value))


@dataclass(kw_only=True)
class Refusal(Exception):  # noqa: N818 - the word of the trade
    """The answer is no: `name` is a row of errors.toml, `fields` fill its message."""

    name: str
    fields: Mapping[str, object] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()


def refuse(name: str, /, **fields: object) -> Refusal:
    """Make a `Refusal` to raise or to yield."""
    return Refusal(name=name, fields=fields)
