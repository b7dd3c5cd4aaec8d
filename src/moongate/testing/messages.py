"""What Moonshot refuses in `messages`: roles, empty texts, media urls, tool turns, partial mode. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moongate.testing.exchange import Refusal, refuse
from moongate.testing.loose import items, mapping
from moongate.testing.models import ServedModel

ROLES = ("system", "user", "assistant", "tool")
MEDIA = {"image_url": "image", "video_url": "video"}


def present(request: Mapping[str, Any]) -> Iterator[Refusal]:
    """Yield the refusal of a request without messages."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        yield refuse("messages_empty")
        return
    for message in messages:
        if not isinstance(message, Mapping):
            yield refuse("field_type", field="messages", expected="object", got=type(message).__name__)


def refusals(request: Mapping[str, Any], model: ServedModel, *, thinking: bool) -> Iterator[Refusal]:
    """Yield what is wrong with the messages of a request that has some."""
    messages = request["messages"]
    for index, message in enumerate(messages):
        yield from _one(index, message, model, thinking=thinking)
    yield from _tool_turns(messages)
    yield from _partial(request)


def _one(index: int, message: Mapping[str, Any], model: ServedModel, *, thinking: bool) -> Iterator[Refusal]:
    role, calls = message.get("role"), message.get("tool_calls")
    if role not in ROLES:
        yield refuse("role", role=role)
    if role == "system" and message.get("tools"):
        yield from _dynamic(message, model)
        return
    content = message.get("content")
    if content in (None, "", []) and role != "tool" and not calls and not message.get("partial"):
        yield refuse("message_empty", index=index, role=role)
    if isinstance(content, list):
        for part in content:
            yield from _part(part, model)
    if role == "assistant" and calls and thinking and message.get("reasoning_content") is None:
        yield refuse("reasoning_missing", index=index)


def _dynamic(message: Mapping[str, Any], model: ServedModel) -> Iterator[Refusal]:
    """Judge tools that a system message brings: K3 takes them without content, others fail to tokenize."""
    if not model.dynamic_tools:
        yield refuse("tokenization")
    elif message.get("content"):
        yield refuse("dynamic_content")


def _part(part: object, model: ServedModel) -> Iterator[Refusal]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or kind not in ("text", *MEDIA):
        yield refuse("part_type", got=kind)
    elif kind == "text":
        if not part.get("text"):
            yield refuse("text_empty")
    else:
        yield from _media(str(kind), part.get(str(kind)), model)


def _media(kind: str, value: object, model: ServedModel) -> Iterator[Refusal]:
    allowed = model.image if kind == "image_url" else model.video
    if not allowed:
        yield refuse("media_unsupported", kind=MEDIA[kind])
    url = value.get("url") if isinstance(value, Mapping) else value
    if isinstance(url, str) and url.startswith("data:"):
        if not re.match(rf"data:{MEDIA[kind]}/[a-z0-9.+-]+;base64,.", url):
            yield refuse("media_format")
    elif not (isinstance(url, str) and url.startswith("ms://")):
        yield refuse("media_url", url=url)


def _tool_turns(messages: list[Mapping[str, Any]]) -> Iterator[Refusal]:
    """Judge that every tool message answers a call that was made before it."""
    known: set[str] = set()
    for message in messages:
        known |= {str(mapping(call).get("id")) for call in items(message.get("tool_calls"))}
        if message.get("role") == "tool":
            called = str(message.get("tool_call_id") or "")
            if not called or called not in known:
                yield refuse("tool_call_id", id=called)


def _partial(request: Mapping[str, Any]) -> Iterator[Refusal]:
    messages = request["messages"]
    marked = [index for index, message in enumerate(messages) if message.get("partial")]
    if any(index != len(messages) - 1 or messages[index].get("role") != "assistant" for index in marked):
        yield refuse("partial_last")
    if marked and mapping(request.get("response_format")).get("type") == "json_object":
        yield refuse("partial_json")
