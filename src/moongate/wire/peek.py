"""Read which models a request body names, without trusting that every parser reads it alike.

`models_in` looks at the top level of the final bytes. What another parser could read otherwise (a key given twice,
a key in another letter case, bytes that are not UTF-8) is refused, not guessed. Nothing is built of the rest: a body
may be a mapped file of 100 MB.
"""

from __future__ import annotations

import codecs
import mmap
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import msgspec

from moongate.errors import RequestRefusedError

Body = bytes | mmap.mmap
_MODEL_KEYS = ("model", "models")
_STEP = 1024 * 1024
_BLANKS = re.compile(rb"[ \t\n\r]*")
_OUTER = re.compile(rb'["{}\[\]:,]')
_INNER = re.compile(rb'["{}\[\]]')
_QUOTE, _BACKSLASH = ord('"'), ord("\\")


class _Anything(msgspec.Struct):
    """An object of which nothing is kept."""


_VALID = msgspec.json.Decoder(_Anything)


class Pair(NamedTuple):
    """A key of the outermost object, and where its value stands in the body."""

    key: str
    start: int
    end: int


def models_in(body: Body) -> tuple[str, ...]:
    """Return every model id that a JSON request body names: `model`, then each member of `models`.

    Raises RequestRefusedError when the body is no JSON object, names no model, or could be read in two ways.
    """
    lone = _lone(body) if isinstance(body, bytes) else None
    return (lone,) if lone else names_in(body, pairs_in(body))


def _lone(body: bytes) -> str | None:
    """Return the model of the ordinary body, in which that word stands once and nothing is written as an escape.

    Whatever could be read as such a key, in any letter case and at any depth, contains the word; so where it stands
    once, a `model` at the top is the only one. None means that `pairs_in` has to look.
    """
    if body.lower().count(b"model") != 1 or b"\\u" in body:
        return None
    check(body)
    try:
        model = _LONE.decode(body).model
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return model if isinstance(model, str) else None


class _Lone(msgspec.Struct):
    model: Any = None


_LONE = msgspec.json.Decoder(_Lone)


def names_only(body: bytes, name: str) -> bool:
    """Say, quickly, whether a body that is valid JSON certainly names this model and no other.

    It does when it begins with the pair and nothing behind it could be read as such a key, in any letter case or as
    an escape. False means only that `models_in` has to look.
    """
    for start in (b'{"model":"%b"', b'{"model": "%b"'):
        pair = start % name.encode()
        if body.startswith(pair):
            rest = body[len(pair) :]
            return b"\\u" not in rest and b"model" not in rest.lower()
    return False


def names_in(body: Body, pairs: list[Pair]) -> tuple[str, ...]:
    """Return what `models_in` does, of pairs that were read already."""
    found: dict[str, Any] = {}
    for key, start, end in pairs:
        plain = key.casefold()
        if plain not in _MODEL_KEYS:
            continue
        if key != plain:
            _refuse(f"it has a key {key!r}, which some parsers read as {plain!r}")
        if key in found:
            _refuse(f"it has the key {key!r} twice")
        found[key] = _value(body, start, end)
    return _names(found)


def pairs_in(body: Body) -> list[Pair]:
    """Return the pairs of the outermost object as they stand, repeated keys included.

    Raises RequestRefusedError for what is not a JSON object in UTF-8.
    """
    check(body)
    try:
        _VALID.decode(body)
    except msgspec.ValidationError:
        _refuse("it is not a JSON object")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestRefusedError("The request body is not valid JSON, so nothing was sent.") from error
    except RecursionError as error:
        raise RequestRefusedError("The request body is nested too deeply, so nothing was sent.") from error
    return list(_pairs(body))


def check(body: Body) -> None:
    """Raise RequestRefusedError for bytes that are not UTF-8, or that begin with a byte order mark."""
    if body[:3] == b"\xef\xbb\xbf":
        _refuse("it begins with a byte order mark")
    decode = codecs.getincrementaldecoder("utf-8")().decode
    try:
        for start in range(0, len(body), _STEP):
            decode(body[start : start + _STEP])
        decode(b"", final=True)
    except UnicodeDecodeError:
        _refuse("it is not UTF-8")


def _pairs(body: Body) -> Iterator[Pair]:
    """Walk through a body that is valid JSON, looking only at what bounds texts, objects and lists."""
    at, depth = 0, 0
    key: str | None = None
    start = 0
    marks = _OUTER
    while mark := marks.search(body, at):
        sign, at = body[mark.start()], mark.end()
        if sign == _QUOTE:
            at = _text_end(body, at)
            if depth == 1 and key is None:
                key = _value(body, mark.start(), at)
        elif sign in b"{[":
            depth += 1
            marks = _OUTER if depth == 1 else _INNER
        elif sign == ord(":"):
            start = _skip(body, at)
        else:
            if sign != ord(","):
                depth -= 1
                marks = _OUTER if depth == 1 else _INNER
            if key is not None and (sign == ord(",") or depth == 0):
                yield Pair(key, start, _trimmed(body, start, mark.start()))
                key = None


def _text_end(body: Body, at: int) -> int:
    """Return where a text ends whose first character stands at `at`: behind the first quote that is not escaped."""
    while True:
        end = body.find(b'"', at)
        slash = end
        while body[slash - 1] == _BACKSLASH:
            slash -= 1
        if (end - slash) % 2 == 0:
            return end + 1
        at = end + 1


def _skip(body: Body, at: int) -> int:
    blanks = _BLANKS.match(body, at)
    return blanks.end() if blanks else at


def _trimmed(body: Body, start: int, end: int) -> int:
    while end > start and body[end - 1] in b" \t\n\r":
        end -= 1
    return end


def _value(body: Body, start: int, end: int) -> Any:
    return msgspec.json.decode(body[start:end])


def _names(found: dict[str, Any]) -> tuple[str, ...]:
    model, more = found.get("model"), found.get("models")
    names = [] if model is None else [model]
    if more is not None:
        if not isinstance(more, list):
            _refuse("'models' is not a list")
        names += more
    if not names:
        _refuse("it names no model")
    if not all(isinstance(name, str) and name for name in names):
        _refuse("a model id in it is not a text")
    return tuple(names)


def _refuse(why: str) -> NoReturn:
    raise RequestRefusedError(f"The request body was not sent: {why}.")
