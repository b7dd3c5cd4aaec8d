"""GET /metrics: what all workers counted, added up, in Prometheus' text format (version 0.0.4). Pure.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from moongate.facts.money import Money
from moongate.gateway.counts import MICRO, MILLISECONDS, SECONDS, Labels, Read

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TOKENS = ("prompt", "completion", "cached", "reasoning")
Key = tuple[str, Labels]


@dataclass(frozen=True, kw_only=True)
class Family:
    """One metric: its name, what Prometheus calls its type, its help."""

    name: str
    type: str
    help: str


FAMILIES = (
    Family(name="moongate_answers_total", type="counter", help="Answers of the gateway, by route and status."),
    Family(name="moongate_calls_total", type="counter", help="Calls to an upstream, by how they ended."),
    Family(name="moongate_tokens_total", type="counter", help="Tokens; cached ones are prompt tokens, too."),
    Family(name="moongate_cost_total", type="counter", help="What calls cost, in whole units of the currency."),
    Family(name="moongate_unpriced_calls_total", type="counter", help="Calls whose model has no known price."),
    Family(name="moongate_call_seconds", type="histogram", help="How long whole calls took."),
    Family(name="moongate_first_byte_seconds", type="histogram", help="How long the upstream took to begin."),
    Family(name="moongate_overhead_seconds", type="histogram", help="How long the gateway's own part took."),
    Family(name="moongate_in_flight", type="gauge", help="Calls under way."),
    Family(name="moongate_shut", type="gauge", help="Workers whose circuit breaker for the upstream is open."),
    Family(name="moongate_connections", type="gauge", help="Connections to the upstream."),
    Family(name="moongate_models", type="gauge", help="Models that the upstream lists, added over the workers."),
    Family(name="moongate_workers", type="gauge", help="Workers that serve."),
    Family(name="moongate_memory_bytes", type="gauge", help="Resident memory of the workers."),
)
STANDS = frozenset(family.name.removeprefix("moongate_") for family in FAMILIES if family.type == "gauge")
TIMES = (("call", SECONDS), ("overhead", MILLISECONDS), ("first_byte", SECONDS))  # in the order of the cells


def rendered(counted: Iterable[Read]) -> str:
    """Return the page."""
    sums: dict[Key, int] = {}
    for read in counted:
        for key, value in _samples(read):
            sums[key] = sums.get(key, 0) + value
    lines: list[str] = []
    for family in FAMILIES:
        names = (
            [family.name]
            if family.type != "histogram"
            else [f"{family.name}_{e}" for e in ("bucket", "sum", "count")]
        )
        found = [(name, labels) for name, labels in sums if name in names]
        if found:
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.type}"]
            lines += [f"{name}{_braced(labels)} {_text(name, labels, sums[name, labels])}" for name, labels in found]
    return "\n".join(lines) + "\n"


def _samples(read: Read) -> Iterator[tuple[Key, int]]:
    """Yield what a series says, as whole numbers of the smallest unit."""
    kind, labels, cells = read.kind, read.labels, read.cells
    if kind == "answers":
        yield ("moongate_answers_total", labels), cells[0]
    elif kind == "calls":
        yield from _of_calls(dict(labels), cells)
    elif kind == "times":
        for name, bounds in TIMES:
            own, cells = cells[: len(bounds) + 2], cells[len(bounds) + 2 :]
            yield from _of_times(f"moongate_{name}_seconds", labels, bounds, own)
    elif kind in STANDS and read.alive:
        yield (f"moongate_{kind}", labels), cells[0]


def _of_calls(labels: dict[str, str], cells: Sequence[int]) -> Iterator[tuple[Key, int]]:
    currency = labels.pop("currency")
    which = tuple((name, labels[name]) for name in ("upstream", "model"))
    yield ("moongate_calls_total", tuple(labels.items())), cells[0]
    for number, name in enumerate(TOKENS, start=1):
        yield ("moongate_tokens_total", (*which, ("kind", name))), cells[number]
    yield ("moongate_cost_total", (*which, ("currency", currency))), cells[5]
    if cells[6]:
        yield ("moongate_unpriced_calls_total", which), cells[6]


def _of_times(name: str, labels: Labels, bounds: Sequence[float], cells: Sequence[int]) -> Iterator[tuple[Key, int]]:
    total = 0
    for bound, count in zip((*map(str, bounds), "+Inf"), cells[1:], strict=True):
        total += count
        yield (f"{name}_bucket", (*labels, ("le", bound))), total
    yield (f"{name}_sum", labels), cells[0]
    yield (f"{name}_count", labels), total


def _text(name: str, labels: Labels, value: int) -> str:
    if name == "moongate_cost_total":
        return Money(nano=value, currency=dict(labels)["currency"]).amount
    return f"{value // MICRO}.{value % MICRO:06d}" if name.endswith("_seconds_sum") else str(value)


def _braced(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
