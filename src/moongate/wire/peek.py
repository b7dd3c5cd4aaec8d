"""Read which models a request body names, without trusting that every parser reads it alike.

`models_in` looks at the top level of the final bytes. What another parser could read otherwise (a key given twice,
a key in another letter case, bytes that are not UTF-8) is refused, not guessed.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from moongate.errors import RequestRefusedError

_MODEL_KEYS = ("model", "models")
_BLANK = re.compile(r"[ \t\n\r]*")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_constant)


def models_in(body: bytes) -> tuple[str, ...]:
    """Return every model id that a JSON request body names: `model`, then each member of `models`.

    Raises RequestRefusedError when the body is no JSON object, names no model, or could be read in two ways.
    """
    found: dict[str, Any] = {}
    for key, value in _top_level(_text(body)):
        plain = key.casefold()
        if plain not in _MODEL_KEYS:
            continue
        if key != plain:
            _refuse(f"it has a key {key!r}, which some parsers read as {plain!r}")
        if key in found:
            _refuse(f"it has the key {key!r} twice")
        found[key] = value
    return _names(found)


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


def _text(body: bytes) -> str:
    if body[:3] == b"\xef\xbb\xbf":
        _refuse("it begins with a byte order mark")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("it is not UTF-8")


def _top_level(text: str) -> list[tuple[str, Any]]:
    """Return the pairs of the outermost object as they stand, repeated keys included."""
    try:
        return _pairs(text)
    except (ValueError, StopIteration) as error:
        raise RequestRefusedError("The request body is not valid JSON, so nothing was sent.") from error
    except RecursionError as error:
        raise RequestRefusedError("The request body is nested too deeply, so nothing was sent.") from error


def _pairs(text: str) -> list[tuple[str, Any]]:
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        _refuse("it is not a JSON object")
    at = _skip(text, at + 1)
    pairs: list[tuple[str, Any]] = []
    if text[at : at + 1] == "}":
        return _ended(text, at + 1, pairs)
    while True:
        if text[at : at + 1] != '"':
            raise ValueError("a key was expected")
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError("a colon was expected")
        value, at = _DECODER.raw_decode(text, _skip(text, at + 1))
        pairs.append((key, value))
        at = _skip(text, at)
        mark, at = text[at : at + 1], _skip(text, at + 1)
        if mark == "}":
            return _ended(text, at, pairs)
        if mark != ",":
            raise ValueError("a comma was expected")


def _ended(text: str, at: int, pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    if _skip(text, at) != len(text):
        raise ValueError("there is more after the object")
    return pairs


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _refuse(why: str) -> NoReturn:
    raise RequestRefusedError(f"The request body was not sent: {why}.")
