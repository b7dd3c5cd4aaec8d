"""Chat requests as code writes them: the model, its endpoint, and the parameters whose values stand in the file.

What is not a constant is left out: nothing is guessed about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moongate.lint import conventions as known
from moongate.lint.decide import Bound
from moongate.lint.follow import Names
from moongate.lint.tree import Kind, Node

# The fields of a chat request that rules may be about, with the spellings of SDKs and frameworks.
FIELDS = {
    name: name
    for name in (
        "temperature top_p n stop presence_penalty frequency_penalty max_tokens max_completion_tokens thinking"
        " reasoning_effort response_format tools tool_choice logprobs top_logprobs stream stream_options seed user"
        " parallel_tool_calls logit_bias service_tier store functions function_call"
    ).split()
} | {"stop_sequences": "stop", "max_output_tokens": "max_tokens", "streaming": "stream"}
_NESTED = frozenset(
    "extra_body model_kwargs model_settings modelsettings parameters params options completion_options settings"
    " default_completion_options generation_config provider_options default_parameters kwargs body".split()
)
_WORDS: Mapping[str, Any] = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None, "nil": None,
}  # fmt: skip
_DEEP = 6
UNKNOWN = object()


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. `places` are the nodes of its parameters, by field."""

    model: str
    node: Node  # of the id
    bound: Bound
    body: Mapping[str, Any]
    places: Mapping[str, Node]


def parameters(container: Node, names: Names, *, depth: int = 0) -> Iterator[tuple[str, Node, Any]]:
    """Yield (field, its node, its value) for the parameters beside a model whose values are constants."""
    for key, node, value in _given(container):
        name = known.plain(key)
        field = FIELDS.get(name)
        if field is not None:
            constant = literal(value, names)
            if constant is not UNKNOWN and constant is not None:
                yield field, node, constant
        elif (key in ("**", "...") or name in _NESTED) and depth < 3:
            for inner in names.values(value):
                if inner.kind in (Kind.MAP, Kind.CALL):
                    yield from parameters(inner, names, depth=depth + 1)


def _given(container: Node) -> Iterator[tuple[str, Node, Node]]:
    """Yield (key, node, value) of the pairs of a table or a call, and of the setters of its chain."""
    for pair in container.pairs():
        if pair.value is not None:
            yield pair.name, pair, pair.value
    for item in container.items:
        if item.kind is Kind.CALL and len(item.items) == 1 and container.kind is Kind.CALL:
            yield item.name, item, item.items[0]  # an option as a value: WithTemperature(0.3)
    link: Node | None = container
    while link is not None and link.kind is Kind.CALL:
        if len(link.items) == 1 and link.items[0].kind is not Kind.PAIR:
            yield link.name, link, link.items[0]
        link = link.head


def literal(node: Node | None, names: Names, depth: int = 0) -> Any:
    """Return the constant that a node is: a number, a text, a truth value, lists and tables of such; else UNKNOWN."""
    if node is None or depth > _DEEP:
        return UNKNOWN
    match node.kind:
        case Kind.NUMBER:
            return _number(node.name)
        case Kind.TEXT:
            return node.name
        case Kind.WORD if node.name in _WORDS and not node.items:
            return _WORDS[node.name]
        case Kind.MAP:
            return _table(node, names, depth)
        case Kind.LIST:
            return [literal(item, names, depth + 1) for item in node.items]
        case Kind.WORD | Kind.JOIN:
            values = list(names.values(node))
            return literal(values[0], names, depth + 1) if len(values) == 1 and values[0] is not node else UNKNOWN
        case Kind.CALL if len(node.items) == 1 and node.items[0].kind is Kind.NUMBER:
            return _number(node.items[0].name)  # openai.Float(0.3), Some(0.3)
        case Kind.CALL if node.items:
            return _table(node, names, depth) if node.items[0].kind in (Kind.MAP, Kind.PAIR) else UNKNOWN
        case _:
            return UNKNOWN


def _table(node: Node, names: Names, depth: int) -> Any:
    pairs = {pair.name: literal(pair.value, names, depth + 1) for pair in node.pairs()}
    return {name: value for name, value in pairs.items() if value is not UNKNOWN}


def _number(text: str) -> Any:
    cleaned = text.replace("_", "").rstrip("fFdDlLmMu")
    for suffix in ("f32", "f64", "i32", "u32"):
        cleaned = cleaned.removesuffix(suffix)
    try:
        return int(cleaned)
    except ValueError:
        pass
    try:
        return float(cleaned)
    except ValueError:
        return UNKNOWN


def container_of(pair: Node) -> Node | None:
    """Return the call or table that a `model` stands in, whose other pairs are its parameters."""
    group = pair.up
    if group is None or group.kind not in (Kind.MAP, Kind.CALL):
        return None
    outer = group.up
    is_argument = group.kind is Kind.MAP and outer is not None and outer.kind is Kind.CALL
    return outer if is_argument and outer is not None and outer.label != "command" else group
