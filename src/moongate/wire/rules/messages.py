"""Rules about `messages`: roles, empty texts, media, tool turns, partial mode. The loop that every request walks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moongate.wire.rules.case import Case, Hit, mapping
from moongate.wire.rules.records import Step

_ROLES = frozenset({"system", "user", "assistant", "tool"})
_MEDIA = {"image_url": "image", "video_url": "video"}
_DATA = re.compile(r"data:([a-z]+)/[a-z0-9.+-]+;base64,.")


def messages(value: Any, case: Case) -> Iterator[Hit]:
    """Every message."""
    listed = type(value) is list or (isinstance(value, Sequence) and not isinstance(value, (str, bytes)))
    if not listed or not value:
        yield Hit(rule="messages-empty", path=("messages",), value=value)
        return
    called: set[str] = set()
    for index, message in enumerate(value):
        if type(message) is not dict and not isinstance(message, Mapping):
            yield Hit(rule="role", path=("messages", index), value=message)
            continue
        role, content = message.get("role"), message.get("content")
        if not isinstance(role, str) or role not in _ROLES:
            rule = "role-developer" if role == "developer" else "role"
            yield Hit(rule=rule, path=("messages", index, "role"), value=role)
        if type(content) is str and content and len(message) == 2:
            continue  # the ordinary message: a role and a text
        yield from _unusual(index, message, case, called)
        if message.get("partial"):
            yield from _partial(index, message, case, last=index == len(value) - 1)


def _unusual(index: int, message: Mapping[str, Any], case: Case, called: set[str]) -> Iterator[Hit]:
    role, content, calls = message.get("role"), message.get("content"), message.get("tool_calls")
    path: tuple[Step, ...] = ("messages", index)
    if role == "system" and message.get("tools"):
        yield from _dynamic(message, path, case)
        return
    if not content and role != "tool" and not calls and not message.get("partial"):
        said = {"index": index, "role": role}
        yield Hit(rule="message-empty", path=(*path, "content"), value=content, said=said)
    if isinstance(content, list):
        for number, part in enumerate(content):
            yield from _part(part, (*path, "content", number), case)
    if calls and role == "assistant" and message.get("reasoning_content") is None:
        place = (*path, "reasoning_content")
        yield Hit(rule="reasoning-missing", path=place, value=None, said={"index": index}, set_to="")
    if isinstance(calls, list):
        called.update(str(mapping(call).get("id")) for call in calls)
    if role == "tool":
        answers = str(message.get("tool_call_id") or "")
        if not answers or answers not in called:
            yield Hit(rule="tool-call-id", path=(*path, "tool_call_id"), value=answers, said={"got": answers})


def _dynamic(message: Mapping[str, Any], path: tuple[Step, ...], case: Case) -> Iterator[Hit]:
    listed = case.raw.get("supports_dynamic_tools")
    takes = listed if isinstance(listed, bool) else case.plan.family.name == "k3"
    if not takes:
        yield Hit(rule="dynamic-tools", path=(*path, "tools"), value=message["tools"])
    elif message.get("content"):
        yield Hit(rule="dynamic-content", path=(*path, "tools"), value=message["tools"])


def _part(part: object, path: tuple[Step, ...], case: Case) -> Iterator[Hit]:
    kind = mapping(part).get("type")
    if not isinstance(part, Mapping) or kind not in ("text", *_MEDIA):
        yield Hit(rule="part-type", path=(*path, "type"), value=kind)
    elif kind != "text":
        yield from _medium(str(kind), part.get(kind), (*path, str(kind)), case)
    elif not part.get("text"):
        yield Hit(rule="text-empty", path=(*path, "text"), value=part.get("text"))


def _medium(kind: str, value: object, path: tuple[Step, ...], case: Case) -> Iterator[Hit]:
    medium = _MEDIA[kind]
    if case.takes(medium) is False:
        yield Hit(rule="media-input", path=path, value=medium)
    url = value.get("url") if isinstance(value, Mapping) else value
    if isinstance(url, str) and url.startswith("data:"):
        found = _DATA.match(url)
        if found is None or found[1] != medium:
            yield Hit(rule="media-format", path=path, value=url)
    elif not (isinstance(url, str) and url.startswith("ms://")):
        yield Hit(rule="media-url", path=path, value=url, said={"got": url})


def _partial(index: int, message: Mapping[str, Any], case: Case, *, last: bool) -> Iterator[Hit]:
    path = ("messages", index, "partial")
    if not last or message.get("role") != "assistant":
        yield Hit(rule="partial-last", path=path, value=True)
    if mapping(case.body.get("response_format")).get("type") == "json_object":
        yield Hit(rule="partial-json", path=path, value=True)
