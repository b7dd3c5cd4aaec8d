"""Probes of refusals that others published: asked again, since a published answer may be old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moongate.acceptance.documented import said
from moongate.acceptance.probe import AS_IT_IS, HI, PINNED, SWITCHED, Probe, refused, tool

CAPTURED = "published refusals (to 2026-09-22)"
STILL = ("k2.7-code", *SWITCHED)  # families whose lists say nothing of dynamic tools
_ASKED = {"role": "user", "content": "Weather in Paris?"}
_CALL = {"id": "get_weather_0", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
_CALLS = {"role": "assistant", "content": "", "tool_calls": [_CALL]}
_ANSWERS = {"role": "tool", "tool_call_id": "get_weather_0", "content": "Sunny."}
_NO_IMAGE = {"type": "image_url", "image_url": {"url": "data:text/plain;base64,aGk="}}
_TEXT_SCHEMA = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "string"}}}]
_REFUSALS: tuple[tuple[str, str, Mapping[str, Any], tuple[str, ...], tuple[str, ...] | None], ...] = (
    ("field-type", "A field of another JSON type is refused", {"reasoning_effort": 1}, ("reasoning_effort",), None),
    ("top-logprobs-alone", "top_logprobs without logprobs is refused", {"top_logprobs": 1}, ("top_logprobs",), None),
    ("tool-type-other", "A tool of another type is refused", {"tools": [{"type": "custom"}]}, ("tool type",), None),
    (
        "parameters-no-object",
        "Tool parameters that are no object are refused",
        {"tools": _TEXT_SCHEMA},
        ("parameters",),
        None,
    ),
    (
        "message-empty",
        "An empty assistant message is refused",
        said(*HI, {"role": "assistant", "content": ""}, *HI),
        ("empty",),
        None,
    ),
    (
        "text-empty",
        "An empty text part is refused",
        said({"role": "user", "content": [{"type": "text", "text": ""}]}),
        ("empty",),
        None,
    ),
    (
        "media-no-image",
        "A data url of something else than an image is refused",
        said({"role": "user", "content": [_NO_IMAGE]}),
        ("image",),
        PINNED,
    ),
    (
        "reasoning-left-out",
        "A tool turn without its reasoning_content is refused while it thinks",
        {**said(_ASKED, _CALLS, _ANSWERS), "tools": tool(), "thinking": AS_IT_IS},
        ("reasoning_content",),
        PINNED,
    ),
    (
        "tool-answer-uncalled",
        "An answer to a call that nobody made is refused",
        {**said(_ASKED, {**_ANSWERS, "tool_call_id": "nobody_0"}), "tools": tool()},
        ("tool_call_id",),
        None,
    ),
    (
        "dynamic-tools-other",
        "Tools in a system message are refused where the list does not say that they are taken",
        said({"role": "system", "tools": tool()}, *HI),
        ("tokenization", "tools"),
        STILL,
    ),
    (
        "dynamic-tools-content",
        "Tools in a system message that has content too are refused",
        said({"role": "system", "content": "Be terse.", "tools": tool()}, *HI),
        ("content",),
        ("k3",),
    ),
)


def published() -> Iterator[Probe]:
    """Refusals that were seen. They cost nothing unless they are refuted."""
    for name, fact, more, words, families in _REFUSALS:
        yield refused(name, fact, more, *words, rests_on=CAPTURED, families=families)
