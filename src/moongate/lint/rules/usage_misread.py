"""MG042."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from moongate.lint.finding import Severity
from moongate.lint.requests import Request
from moongate.lint.rules.base import Hit, Rule
from moongate.lint.sheet import Sheet
from moongate.lint.tree import Kind, Node

_IN_CHOICE = re.compile(r"choices?(?:\.\w+)*\.usage\b", re.I)
_PARTS = (("prompt_tokens", "cached_tokens"), ("completion_tokens", "reasoning_tokens"))


class UsageMisread(Rule):
    """Usage read from the wrong place, or counted twice.

    ## What it does

    Reports code for Moonshot that reads `chunk.usage` of a stream that did not ask for it, that adds `chunk.usage`
    and `choices[0].usage` together, or that adds `cached_tokens` to `prompt_tokens`, or `reasoning_tokens` to
    `completion_tokens`.

    ## Why is this bad?

    Without `stream_options` Moonshot puts the usage into `choices[0].usage` of the last chunk; with it into both
    places. `prompt_tokens` include the cached ones, `completion_tokens` the reasoning. The bill is right, the books
    are not.

    ## Example

    ```python
    for chunk in client.chat.completions.create(model="kimi-k2.6", messages=messages, stream=True):
        if chunk.usage:
            tokens = chunk.usage.total_tokens
    ```

    ## Use instead

    ```python
    for chunk in client.chat.completions.create(
        model="kimi-k2.6", messages=messages, stream=True, stream_options={"include_usage": True}
    ):
        if chunk.usage:
            tokens = chunk.usage.total_tokens
    ```
    """

    code = "MG042"
    name = "usage-misread"
    severity: ClassVar[Severity] = "warning"

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield the places that misread usage."""
        if b"usage" not in sheet.data and b"Usage" not in sheet.data and b"_tokens" not in sheet.data:
            return
        for node, message in (*_unasked(sheet), *_twice(sheet), *_parts_added(sheet)):
            bound = sheet.speaks_moonshot(node)
            if bound is not None:
                yield Hit(
                    node=node,
                    message=message,
                    reason=bound.why,
                    found=sheet.data[node.start : node.end].decode("utf-8", "replace").partition("\n")[0],
                    provider=bound.endpoint.name,
                )


def _unasked(sheet: Sheet) -> Iterator[tuple[Node, str]]:
    """Usage at the top of a chunk, in a loop over a stream that was not asked to send it there."""
    streams = [request for request in sheet.requests if request.body.get("stream") is True]
    if not streams or any(_asks(request) for request in streams) or _reads_choice(sheet):
        return
    for loop in sheet.nodes:
        if loop.kind is not Kind.SCOPE or loop.name not in ("for", "while"):
            continue
        names = {pair.name for pair in loop.items if pair.kind is Kind.PAIR}
        for node in loop.walk():
            if node.kind is Kind.WORD and _is_usage_of(node.name, names):
                yield (
                    node,
                    (
                        "This stream was not asked for usage: Moonshot sends it in choices[0].usage at its end. Ask"
                        ' with stream_options={"include_usage": true}, or read it there.'
                    ),
                )
                return


def _asks(request: Request) -> bool:
    options = request.body.get("stream_options")
    if isinstance(options, dict):
        return any(key.replace("_", "").lower() == "includeusage" and value for key, value in options.items())
    return "stream_options" in request.places


def _reads_choice(sheet: Sheet) -> bool:
    return any(node.kind is Kind.WORD and _IN_CHOICE.search(node.name) for node in sheet.nodes)


def _is_usage_of(name: str, names: set[str]) -> bool:
    first, _, rest = name.partition(".")
    return first in names and rest.lower().startswith("usage")


def _twice(sheet: Sheet) -> Iterator[tuple[Node, str]]:
    """Usage of a chunk and of its choice added up in the same loop."""
    for loop in sheet.nodes:
        if loop.kind is not Kind.SCOPE or loop.name not in ("for", "while"):
            continue
        added = [
            node for node in loop.walk() if node.kind is Kind.PAIR and node.label == "+=" and node.value is not None
        ]
        of_choice = [node for node in added if _any_word(node, _IN_CHOICE)]
        of_chunk = [
            node for node in added if not _any_word(node, _IN_CHOICE) and _any_word(node, re.compile(r"\.usage\b"))
        ]
        if of_choice and of_chunk:
            yield (
                max(of_choice[0], of_chunk[0], key=lambda n: n.start),
                ("Usage is counted twice: Moonshot sends the same numbers in chunk.usage and in choices[0].usage."),
            )


def _any_word(node: Node, pattern: re.Pattern[str]) -> bool:
    return any(inner.kind is Kind.WORD and pattern.search(inner.name) for inner in node.walk())


def _parts_added(sheet: Sheet) -> Iterator[tuple[Node, str]]:
    """A part added to the whole that it is a part of."""
    for node in sheet.nodes:
        if node.kind is not Kind.JOIN or node.name != "+":
            continue
        last = [_snake(inner.name) for item in node.items for inner in item.walk() if inner.kind is Kind.WORD]
        for whole, part in _PARTS:
            if whole in last and part in last:
                yield node, f"{whole} include {part}: added together they count twice."


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.rpartition(".")[2]).lower()
