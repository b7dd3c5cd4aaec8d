"""The platform's two other faces, OpenAI's Responses and Anthropic's Messages: text in, one whole answer out.

No more of them is known well enough to be imitated: tools, media and streams are refused in words of our own. A
switch in `Readings` says whether they are there, and for which models (captures of 2026-07-27 and 2026-09-01 differ).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from moongate.testing.exchange import Received, Reply, refuse
from moongate.testing.inference import chat, json_object, model_of
from moongate.testing.loose import items, mapping
from moongate.testing.readings import Face
from moongate.testing.world import World


def responses(world: World, request: Received) -> Reply:
    """Answer POST /v1/responses."""
    asked = _asked(world, request, world.readings.responses)
    if mapping(asked.get("reasoning")).get("effort") == "none":
        raise refuse("effort_none")
    said = asked.get("input")
    spoken = [{"role": "user", "content": said}] if isinstance(said, str) else _messages(items(said))
    first = [{"role": "system", "content": asked["instructions"]}] if asked.get("instructions") else []
    body, reply = _chatted(world, request, asked, [*first, *spoken], asked.get("max_output_tokens"))
    choice, used = body["choices"][0], body["usage"]
    text = {"type": "output_text", "text": choice["message"]["content"], "annotations": []}
    message = {"id": "msg_" + body["id"], "type": "message", "role": "assistant", "status": "completed"}
    counts = {"input_tokens": used["prompt_tokens"], "output_tokens": used["completion_tokens"]}
    answer = {
        "id": "resp_" + body["id"],
        "object": "response",
        "created_at": body["created"],
        "status": "incomplete" if choice["finish_reason"] == "length" else "completed",
        "model": body["model"],
        "output": [{**message, "content": [text]}],
        "store": False,
        "usage": {
            **counts,
            "total_tokens": used["total_tokens"],
            "input_tokens_details": {"cached_tokens": used.get("cached_tokens", 0)},
            "output_tokens_details": {"reasoning_tokens": _reasoning(used)},
        },
    }
    return replace(reply, body=msgspec.json.encode(answer))


def messages(world: World, request: Received) -> Reply:
    """Answer POST /anthropic/v1/messages. Its `input_tokens` leave cached ones out."""
    asked = _asked(world, request, world.readings.messages)
    if not isinstance(asked.get("max_tokens"), int):
        raise refuse("max_tokens_missing")
    first = [{"role": "system", "content": _text(asked["system"])}] if asked.get("system") else []
    spoken = _messages(items(asked.get("messages")))
    body, reply = _chatted(world, request, asked, [*first, *spoken], asked["max_tokens"])
    choice, used = body["choices"][0], body["usage"]
    cached = used.get("cached_tokens", 0)
    answer = {
        "id": "msg_" + body["id"],
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": choice["message"]["content"]}],
        "stop_reason": "max_tokens" if choice["finish_reason"] == "length" else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": used["prompt_tokens"] - cached,
            "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": 0,
            "output_tokens": used["completion_tokens"],
            "output_tokens_details": {"thinking_tokens": _reasoning(used)},
        },
    }
    return replace(reply, body=msgspec.json.encode(answer))


def _asked(world: World, request: Received, face: Face) -> dict[str, Any]:
    """Return what is asked, of a face that is there, for a model that it is there for."""
    if face == "absent":
        raise refuse("no_route")
    account = world.caller(request)
    asked = json_object(request.body)
    model = model_of(world, account, asked)
    if face == "k3" and model.family != "k3":
        raise refuse("face_model", model=model.id)
    for field in ("stream", "tools"):
        if asked.get(field):
            raise refuse("face_field", field=field)
    return asked


def _chatted(
    world: World, request: Received, asked: Mapping[str, Any], said: list[dict[str, Any]], longest: object
) -> tuple[dict[str, Any], Reply]:
    body = {"model": asked["model"], "messages": said} | ({} if longest is None else {"max_tokens": longest})
    reply = chat(world, replace(request, body=msgspec.json.encode(body)))
    return msgspec.json.decode(reply.body), reply


def _messages(said: list[Any]) -> list[dict[str, Any]]:
    return [{"role": mapping(each).get("role"), "content": _text(mapping(each).get("content"))} for each in said]


def _text(content: object) -> str:
    """Return a text, or the text of its parts."""
    return content if isinstance(content, str) else "".join(str(mapping(p).get("text", "")) for p in items(content))


def _reasoning(used: Mapping[str, Any]) -> int:
    return int(mapping(used.get("completion_tokens_details")).get("reasoning_tokens", 0))
