"""A chat request as the gateway needs to know it: which model, streamed or not, how long an answer at most.

Pure. What the rest of the body means is the upstream's matter; it travels on as the bytes it came in. Nearly all
bodies are read in one pass of C; those that could hide something are walked through key by key.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from moongate.errors import RequestRefusedError
from moongate.gateway.references import may_refer
from moongate.wire.peek import Body, Pair, names_in, pairs_in

Fields = dict[str, msgspec.Raw]
Ids = tuple[tuple[str, str], ...]  # of files: the upstream's id, and the one that the caller knows
WALKED = 32 * 1024  # bytes: from here on the walk, which jumps from quote to quote, is the faster one
READ = ("stream", "stream_options", "max_tokens", "max_completion_tokens", "n")  # besides the models
_keys = re.compile(rb'"(?:model"|stream|max_|n")').findall
WITH_USAGE = b'"stream_options":{"include_usage":true}'


class Asked(msgspec.Struct, gc=False):
    """One request for a chat."""

    models: tuple[str, ...]  # every id in the body, the one meant first
    stream: bool
    include_usage: bool  # whether the caller wants the extra chunk
    max_tokens: int | None  # completion tokens at most, if a usable number was given
    choices: int  # `n`
    size_bytes: int
    has_files: bool  # refers to uploaded media, whose tokens the body's size does not bound
    body: Body  # as it came
    edits: tuple[Edit, ...] = ()  # what is written otherwise upstream
    ids: Ids = ()  # of the files that it refers to

    @property
    def model(self) -> str:
        """The id in `model`."""
        return self.models[0]


class Edit(msgspec.Struct, frozen=True, gc=False):
    """`text` takes the place of the bytes from `start` to `end`."""

    start: int
    end: int
    text: bytes


class _Options(msgspec.Struct, gc=False):
    include_usage: bool = False


class _Usual(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The fields of Moonshot's chat (platform docs, 2026-08-13), and of the OpenAI SDK's; any other: walk through."""

    model: str
    messages: Raw
    stream: bool | None = None  # null is for the walk, as it is told and not there
    stream_options: _Options | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    frequency_penalty: Raw = Raw()
    logprobs: Raw = Raw()
    metadata: Raw = Raw()
    parallel_tool_calls: Raw = Raw()
    presence_penalty: Raw = Raw()
    prompt_cache_key: Raw = Raw()
    reasoning_effort: Raw = Raw()
    response_format: Raw = Raw()
    safety_identifier: Raw = Raw()
    seed: Raw = Raw()
    stop: Raw = Raw()
    temperature: Raw = Raw()
    thinking: Raw = Raw()
    tool_choice: Raw = Raw()
    tools: Raw = Raw()
    top_logprobs: Raw = Raw()
    top_p: Raw = Raw()
    user: Raw = Raw()


_usual = msgspec.json.Decoder(_Usual).decode


def asked_from(body: Body) -> Asked:
    """Read a body. Raises RequestRefusedError for one that could be read in two ways.

    A stream always asks the upstream for its usage: the ledger needs it, whether the caller does or not.
    """
    # Keys that are spelled with escapes or in another case, and keys given twice, are for the walk.
    if len(body) > WALKED or type(body) is not bytes or (body.find(b"\\") >= 0 and body.find(b"\\u") >= 0):
        return _walked(body)
    try:
        if not body.isascii():
            body.decode()
        found = _usual(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _walked(body)
    # In another case they are keys that nobody knows, so one more of them can only stand in these spellings.
    told = len(_keys(body))
    decisive = (found.stream, found.stream_options, found.max_tokens, found.max_completion_tokens, found.n)
    if not found.model or told != 6 - decisive.count(None):
        return _walked(body)
    return _read(body, found)


def _read(body: bytes, found: _Usual) -> Asked:
    most, other, choices = found.max_tokens, found.max_completion_tokens, found.n
    if other is not None and other > (most or 0):
        most = other
    if choices is None or not 1 <= choices <= 128:
        choices = 1
    wanted = False
    edits: tuple[Edit, ...] = ()
    if found.stream:
        if found.stream_options is None:
            edits = (Edit(*_end_of(body), b"," + WITH_USAGE + b"}"),)
        elif found.stream_options.include_usage:
            wanted = True
        else:
            return _walked(body)
    has_files = body.find(b"/") >= 0 and may_refer(body)  # no escape can stand for it here
    most = most if most is None or most > 0 else None
    return Asked((found.model,), found.stream is True, wanted, most, choices, len(body), has_files, body, edits)


def _walked(body: Body) -> Asked:
    pairs = pairs_in(body)
    models = names_in(body, pairs)
    _check_spelling(pairs)
    fields = {pair.key: pair for pair in pairs}
    values = {name: _value(body, fields[name]) for name in READ if name in fields}
    limits = [values.get(name) for name in ("max_completion_tokens", "max_tokens")]
    choices, stream, options = values.get("n"), values.get("stream") is True, values.get("stream_options")
    wanted = isinstance(options, dict) and options.get("include_usage") is True
    return Asked(
        models=models,
        stream=stream,
        include_usage=wanted,
        max_tokens=max((limit for limit in limits if type(limit) is int and limit > 0), default=None),
        choices=choices if type(choices) is int and 1 <= choices <= 128 else 1,
        size_bytes=len(body),
        has_files=may_refer(body),
        body=body,
        edits=(_with_usage(body, fields.get("stream_options"), options),) if stream and not wanted else (),
    )


def renamed(asked: Asked, wire_id: str) -> tuple[Edit, ...]:
    """Return the edits of a request whose `model` goes out under another id."""
    if wire_id == asked.model:
        return asked.edits
    pair = next((pair for pair in pairs_in(asked.body) if pair.key == "model"), None)
    if pair is None:
        _refuse("only a 'model' is ever written otherwise, and it has none")
    return (Edit(pair.start, pair.end, msgspec.json.encode(wire_id)), *asked.edits)


def referring(asked: Asked, edits: tuple[Edit, ...], ids: Ids) -> Asked:
    """Return a request whose references are written as an upstream knows its files.

    Raises RequestRefusedError where one of them stands in what is written otherwise anyway.
    """
    for edit in edits:
        if any(edit.start < other.end and other.start < edit.end for other in asked.edits):
            _refuse("its 'stream_options' refer to a file")
    return replace(asked, edits=(*asked.edits, *edits), ids=ids)


def edited(body: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Return a body with its edits, which do not overlap."""
    if not edits:
        return body
    pieces, at = [], 0
    for edit in sorted(edits, key=_start):
        pieces += [body[at : edit.start], edit.text]
        at = edit.end
    return b"".join([*pieces, body[at:]])


def fields_in(body: bytes) -> Fields:
    """Return the top level of a JSON object, its values as they stand. Raises RequestRefusedError."""
    try:
        return msgspec.json.decode(body, type=Fields)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefusedError("The request body is not a JSON object, so nothing was sent.") from error


def _check_spelling(pairs: list[Pair]) -> None:
    """Refuse keys that decide over money or the shape of the answer, where parsers differ on which one counts."""
    seen = set()
    for key, _, _ in pairs:
        plain = key.casefold()
        if plain in READ:
            if key != plain:
                _refuse(f"it has a key {key!r}, which some parsers read as {plain!r}")
            if key in seen:
                _refuse(f"it has the key {key!r} twice")
            seen.add(key)


def _with_usage(body: Body, pair: Pair | None, options: Any) -> Edit:
    if pair is None:
        return Edit(*_end_of(body), b"," + WITH_USAGE + b"}")
    options = options if isinstance(options, dict) else {}
    return Edit(pair.start, pair.end, msgspec.json.encode({**options, "include_usage": True}))


def _end_of(body: Body) -> tuple[int, int]:
    """Return where the closing brace of the outermost object stands."""
    end = body.rfind(b"}")
    return end, end + 1


def _value(body: Body, pair: Pair) -> Any:
    return msgspec.json.decode(body[pair.start : pair.end])


def _start(edit: Edit) -> int:
    return edit.start


def _refuse(why: str) -> NoReturn:
    raise RequestRefusedError(f"The request body was not sent: {why}.")
