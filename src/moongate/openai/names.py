"""Which models a request names: in the SDK's options before the bytes are written, and in the final bytes.

Pure. What a name means, and whether it may leave, is decided by `watch`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from openai._models import FinalRequestOptions

from moongate.errors import RequestRefusedError
from moongate.openai import form
from moongate.openai.routes import Body
from moongate.wire.peek import models_in

_KEYS = ("model", "models")


def named(options: FinalRequestOptions) -> tuple[str, ...]:
    """Return the texts under `model` and `models` in the merged body: `extra_body` overrides the keywords."""
    found: list[object] = []
    for part in (_value(options, key) for key in _KEYS):
        found += part if isinstance(part, list | tuple) else [part]
    return tuple(name for name in found if isinstance(name, str) and name)


def renamed(options: FinalRequestOptions, ids: Mapping[str, str]) -> FinalRequestOptions:
    """Return the options with each name replaced by its wire id, where it counts; the caller's objects stay as is."""
    if all(name == wire_id for name, wire_id in ids.items()):
        return options
    for field in ("json_data", "extra_json"):
        body = getattr(options, field)
        if isinstance(body, Mapping):
            setattr(options, field, {**body, **{key: _renamed(body[key], ids) for key in _KEYS if key in body}})
    return options


def _value(options: FinalRequestOptions, key: str) -> object:
    for body in (options.extra_json, options.json_data):
        if isinstance(body, Mapping) and key in body:
            return body[key]
    return None


def _renamed(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, list | tuple):
        return [_renamed(name, ids) for name in value]
    return ids.get(value, value) if isinstance(value, str) else value


def in_body(kind: Body, content_type: str, body: bytes) -> tuple[str, ...]:
    """Return every model that the final bytes of a request name.

    Raises RequestRefusedError for bytes that name none where one is needed, or that can be read in two ways.
    """
    if kind == "json":
        _need_json(content_type)
        return models_in(body)
    if kind == "form":
        return (form.text(form.fields(content_type, body), "model"),)
    if kind == "upload":
        return _in_upload(form.fields(content_type, body))
    return ()


def _need_json(content_type: str) -> None:
    if content_type == "application/json":
        return
    kind, _, more = content_type.lower().partition(";")
    if kind.strip() != "application/json" or more.replace(" ", "") not in ("", "charset=utf-8"):
        _refuse(f"it is sent as {content_type!r}, not as application/json")


def _in_upload(found: tuple[form.Field, ...]) -> tuple[str, ...]:
    """Return the models of a batch file's lines; other files name none."""
    if form.text(found, "purpose") != "batch":
        return ()
    lines = enumerate(form.only(found, "file").split(b"\n"), start=1)
    names = {name: None for at, line in lines if line.strip() for name in _in_line(line, at)}
    if not names:
        _refuse("the batch file has no lines")
    return tuple(names)


def _in_line(line: bytes, at: int) -> tuple[str, ...]:
    """Return the models of one batch line: objects are read as pairs, so that a repeated key shows."""
    try:
        pairs = json.loads(line.decode(), object_pairs_hook=tuple, parse_constant=_constant(at))
    except (ValueError, RecursionError):
        _refuse(f"line {at} of the batch file is not valid JSON")
    bodies = [pair for pair in _pairs(pairs) if pair[0].casefold() == "body"]
    if len(bodies) != 1 or bodies[0][0] != "body":
        _refuse(f"line {at} of the batch file needs the key 'body' exactly once")
    models = [pair for pair in _pairs(bodies[0][1]) if pair[0].casefold() in _KEYS]
    try:
        return models_in(("{" + ",".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in models) + "}").encode())
    except RequestRefusedError as error:
        raise RequestRefusedError(f"Line {at} of the batch file: {error.message}") from error


def _pairs(value: object) -> tuple[tuple[str, Any], ...]:
    return value if isinstance(value, tuple) else ()


def _constant(at: int) -> Callable[[str], NoReturn]:
    return lambda name: _refuse(f"line {at} of the batch file holds {name}, which is not JSON")


def _refuse(why: str) -> NoReturn:
    raise RequestRefusedError(f"The request body was not sent: {why}.")
