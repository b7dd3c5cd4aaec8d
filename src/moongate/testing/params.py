"""What each model family accepts as parameters. Rows first, then the few functions that read them.

Sources: documentation 2026-08-13, specification 2026-08-17, published captures to 2026-09. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moongate.testing.exchange import Refusal, refuse
from moongate.testing.loose import mapping
from moongate.testing.models import Family, ServedModel
from moongate.testing.readings import Readings

STOP_MAX, STOP_MAX_BYTES = 5, 32


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What one family takes: pinned values, or ranges; which `thinking` objects."""

    pinned: Mapping[str, float]
    cool: float | None = None  # the only temperature while thinking is disabled
    ranges: Mapping[str, tuple[float, float]]
    thinking: tuple[str, ...] = ()  # types of `thinking`; empty: the parameter is ignored
    keep: tuple[object, ...] | None = None  # values of `thinking.keep`; None: the field is refused


_FIXED = {"top_p": 0.95, "n": 1, "presence_penalty": 0, "frequency_penalty": 0}
FAMILIES: Mapping[Family, Manners] = {
    "k3": Manners(pinned={"temperature": 1, **_FIXED}, ranges={}, thinking=("enabled", "disabled")),
    "k2.7-code": Manners(pinned={"temperature": 1, **_FIXED}, ranges={}, thinking=("enabled",), keep=("all", None)),
    "k2.6": Manners(
        pinned={"temperature": 1, **_FIXED},
        cool=0.6,
        ranges={},
        thinking=("enabled", "disabled"),
        keep=("all", None),
    ),
    "k2.5": Manners(pinned={"temperature": 1, **_FIXED}, cool=0.6, ranges={}, thinking=("enabled", "disabled")),
    "moonshot-v1": Manners(
        pinned={},
        ranges={
            "temperature": (0, 1),
            "top_p": (0, 1),
            "n": (1, 5),
            "presence_penalty": (-2, 2),
            "frequency_penalty": (-2, 2),
        },
    ),
}
TYPES: Mapping[str, str] = {
    "temperature": "number",
    "top_p": "number",
    "n": "integer",
    "presence_penalty": "number",
    "frequency_penalty": "number",
    "max_tokens": "integer",
    "max_completion_tokens": "integer",
    "stream": "boolean",
    "stream_options": "object",
    "thinking": "object",
    "reasoning_effort": "string",
    "response_format": "object",
    "tools": "array",
    "prompt_cache_key": "string",
    "safety_identifier": "string",
    "logprobs": "boolean",
    "top_logprobs": "integer",
}


def refusals(
    request: Mapping[str, Any], model: ServedModel, readings: Readings, *, thinking: bool
) -> Iterator[Refusal]:
    """Yield what is wrong with the parameters."""
    yield from _types(request)
    manners = FAMILIES[model.family]
    yield from _thinking(request, manners, model, readings)
    free = readings.k2_temperature == "free" and manners.cool is not None
    yield from _numbers(request, manners, thinking=thinking, free=free)
    yield from _stop(request.get("stop"))
    yield from _logprobs(request, model, readings)
    yield from _response_format(request.get("response_format"))


def kind_of(value: object) -> str:
    """Name a JSON value's type as Moonshot's messages do."""
    names = {bool: "boolean", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null" if value is None else "number")


def _types(request: Mapping[str, Any]) -> Iterator[Refusal]:
    for field, expected in TYPES.items():
        value = request.get(field)
        if value is None:
            continue
        whole = isinstance(value, int) and not isinstance(value, bool)
        good = whole if expected == "integer" else kind_of(value) == expected
        if not good:
            yield refuse("field_type", field=field, expected=expected, got=kind_of(value))


def _thinking(
    request: Mapping[str, Any], manners: Manners, model: ServedModel, readings: Readings
) -> Iterator[Refusal]:
    thinking = request.get("thinking")
    if thinking is None or not manners.thinking:
        return
    kind = thinking.get("type")
    if kind not in ("enabled", "disabled"):
        yield refuse("thinking_type")
    k3_stays_on = model.family == "k3" and readings.k3_thinking_off == "reject"
    if kind == "disabled" and (k3_stays_on or "disabled" not in manners.thinking):
        yield refuse("thinking_only")
    for field, value in thinking.items():
        kept = field == "keep" and manners.keep is not None and value in manners.keep
        if field != "type" and not kept:
            yield refuse("thinking_field", field=field)


def _numbers(request: Mapping[str, Any], manners: Manners, *, thinking: bool, free: bool) -> Iterator[Refusal]:
    for field, pinned in manners.pinned.items():
        if free and field == "temperature":
            continue
        cool = manners.cool is not None and not thinking and field == "temperature"
        only = manners.cool if cool and manners.cool is not None else pinned
        if request.get(field) is not None and request[field] != only:
            yield refuse("only", field=field, value=format(only, "g"))
    for field, (low, high) in manners.ranges.items():
        if request.get(field) is not None and not low <= request[field] <= high:
            yield refuse("range", field=field, low=format(low, "g"), high=format(high, "g"))
    cold = abs(request.get("temperature") or 0) < 1e-6
    if manners.ranges and cold and (request.get("n") or 1) != 1:
        yield refuse("n_cold")


def _stop(stop: object) -> Iterator[Refusal]:
    if stop is None or isinstance(stop, str):
        words = [stop] if isinstance(stop, str) else []
    elif isinstance(stop, list):
        words = stop
    else:
        yield refuse("field_type", field="stop", expected="array", got=kind_of(stop))
        return
    if len(words) > STOP_MAX:
        yield refuse("stop_long", got=len(words))
    for word in words:
        if not isinstance(word, str):
            yield refuse("field_type", field="stop", expected="string", got=kind_of(word))
        elif len(word.encode()) > STOP_MAX_BYTES:
            yield refuse("stop_bytes")


def _logprobs(request: Mapping[str, Any], model: ServedModel, readings: Readings) -> Iterator[Refusal]:
    if request.get("top_logprobs") is not None and not request.get("logprobs"):
        yield refuse("top_logprobs")
    if request.get("logprobs") and model.family != "moonshot-v1" and readings.logprobs == "reject":
        yield refuse("only", field="logprobs", value="false")


def _response_format(wanted: Mapping[str, Any] | None) -> Iterator[Refusal]:
    kind = (wanted or {}).get("type", "text")
    if kind not in ("text", "json_object", "json_schema"):
        yield refuse("response_format_type", got=kind)
    if wanted is not None and kind == "json_schema":
        schema = mapping(wanted.get("json_schema"))
        for field in ("name", "schema"):
            if not schema.get(field):
                yield refuse("response_format", field=f"json_schema.{field}")
