"""Rules about plain fields that a row alone cannot express: thinking, lengths, stop texts, answer formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from moongate.wire.rules.case import Case, Hit, kind_of, mapping

STOP_TEXTS, STOP_BYTES = 5, 32
SHORT = 300  # tokens
ROOM_PER_MESSAGE, ROOM = 64, 1024  # tokens, more than any chat template was seen to add
EFFORTS = ("low", "high", "max")  # of kimi-k3, where the list does not say


def n(value: Any, case: Case) -> Iterator[Hit]:
    """Several answers need a temperature."""
    temperature = case.body.get("temperature") or 0
    if value != 1 and kind_of(temperature) == "number" and abs(temperature) < 1e-6:
        yield Hit(rule="n-cold", path=("n",), value=value)


def thinking(asked: Any, case: Case) -> Iterator[Hit]:
    """`thinking {type, keep}`."""
    value = mapping(asked)  # its type is judged elsewhere, for models that have rules
    kind, path = value.get("type"), ("thinking",)
    others = value.keys() - {"type"}
    if kind not in ("enabled", "disabled"):
        yield Hit(rule="thinking-type", path=(*path, "type"), value=kind)
    if kind == "disabled" and case.only_thinks is not False:
        yield Hit(rule="thinking-always", path=path, value=value)
        if case.only_thinks or case.plan.family.ids:
            yield Hit(rule="thinking-off-listed", path=path, value=value)
    if others - {"keep"} or value.get("keep") not in (None, "all"):
        yield Hit(rule="thinking-keep", path=path, value=value)
    if others:
        yield Hit(rule="thinking-type-only", path=path, value=value)
    if others or kind not in ("enabled", "disabled"):
        yield Hit(rule="thinking-k3", path=path, value=value)


def reasoning_effort(value: str, case: Case) -> Iterator[Hit]:
    """The efforts that the list names."""
    listed = mapping(case.raw.get("think_efforts")).get("valid_efforts")
    known = listed if isinstance(listed, list) else EFFORTS if case.plan.family.ids else None
    if known is not None and value not in known:
        detail = f"these are {', '.join(map(str, known))}"
        yield Hit(rule="effort-not-listed", path=("reasoning_effort",), value=value, detail=detail)


def length(field: str) -> Callable[[int, Case], Iterator[Hit]]:
    """Return the test of `max_tokens` or `max_completion_tokens`."""

    def test(value: int, case: Case) -> Iterator[Hit]:
        window = case.window
        if window is not None and value >= window:
            said = {"limit": window, "got": value}
            detail = f"the window has {window} tokens"
            fits = _certain_room(case, window)
            yield Hit(rule="window", path=(field,), value=value, said=said, detail=detail, set_to=fits)
        if value < SHORT:
            yield Hit(rule="short-answer", path=(field,), value=value)
        if field == "max_completion_tokens" and case.body.get("max_tokens", value) not in (value, None):
            yield Hit(rule="two-lengths", path=(field,), value=value)

    return test


def _certain_room(case: Case, window: int) -> int | None:
    """Return tokens that are certain to be left: a text has at most one token per byte. None with media."""
    messages, tools = case.body.get("messages"), case.body.get("tools")
    if not isinstance(messages, Sequence) or any(not isinstance(text, str) for text in _contents(messages)):
        return None
    try:
        size = len(msgspec.json.encode([messages, tools]))
    except (TypeError, ValueError, RecursionError):
        return None
    left = window - size - ROOM_PER_MESSAGE * len(messages) - ROOM
    return left if left > 0 else None


def _contents(messages: Sequence[Any]) -> Iterator[object]:
    for message in messages:
        content = mapping(message).get("content") or ""
        for part in content if isinstance(content, list) else [content]:
            yield mapping(part).get("text") if isinstance(part, Mapping) else part


def stop(value: Any, case: Case) -> Iterator[Hit]:
    """A text, or up to five."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        yield Hit(rule="stop", path=("stop",), value=value, said={"kind": "array", "got": kind_of(value)})
        return
    if len(texts) > STOP_TEXTS:
        yield Hit(rule="stop-count", path=("stop",), value=value, said={"got": len(texts)})
    for number, text in enumerate(texts):
        path = ("stop",) if isinstance(value, str) else ("stop", number)
        if not isinstance(text, str):
            yield Hit(rule="stop", path=path, value=text, said={"kind": "string", "got": kind_of(text)})
        elif len(text.encode("utf-8", "replace")) > STOP_BYTES:
            yield Hit(rule="stop-bytes", path=path, value=text)


def logprobs(value: bool, case: Case) -> Iterator[Hit]:
    """Log probabilities."""
    if value:
        yield Hit(rule="logprobs", path=("logprobs",), value=value)


def top_logprobs(value: int, case: Case) -> Iterator[Hit]:
    """How many of them."""
    if not case.body.get("logprobs"):
        yield Hit(rule="top-logprobs", path=("top_logprobs",), value=value)


def response_format(value: Mapping[str, Any], case: Case) -> Iterator[Hit]:
    """The format of the answer; its schema is judged with those of the tools."""
    kind = value.get("type", "text")
    if kind not in ("text", "json_object", "json_schema"):
        yield Hit(rule="response-format", path=("response_format", "type"), value=kind)
    if kind == "json_schema":
        asked = mapping(value.get("json_schema"))
        for name in ("name", "schema"):
            if asked.get(name) in (None, ""):
                yield Hit(rule="json-schema-parts", path=("response_format", "json_schema", name), value=None)
    if kind == "json_object" and not _asks_for_json(case.body.get("messages")):
        yield Hit(rule="json-object-word", path=("response_format",), value=value)


def _asks_for_json(messages: object) -> bool:
    texts = _contents(messages) if isinstance(messages, Sequence) else ()
    return any("json" in text.lower() for text in texts if isinstance(text, str))
