"""Faults that a test injects: what goes wrong, with which requests, how often.

Values and their matching; `connection` carries them out on the socket, `spoil` in the bytes of an answer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal

from moongate.testing.exchange import Received

Kind = Literal[
    "status",  # answer with `status`, `body` and `headers`
    "refusal",  # answer with the error that is called `name` in errors.toml, in the dialect's words
    "reset",  # close the connection with a TCP reset
    "stall",  # say nothing more, keep the connection open
    "truncate",  # end the connection before the answer is whole
    "garbage",  # status 200, a body that is not JSON
    "html_504",  # an HTML page with status 504
    "redirect",  # 307 to `url`
    "huge",  # a model list of `size_bytes`, made while it is sent
    "endless",  # a model list that never ends
    "slow",  # wait `seconds`, then answer
    "drip",  # send the answer byte by byte
    "half_utf8",  # cut a chunk inside a character: harmless to a right client
    "broken_utf8",  # half a character that nothing completes
    "duplicate_usage",  # a stream says its usage twice
    "no_done",  # a stream ends without [DONE]
    "error_in_stream",  # a stream carries an error object and ends
]
REPLACING = frozenset({"status", "refusal", "garbage", "html_504", "redirect", "huge", "endless"})


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    `path` matches the whole path or its end ("/models" is also "/v1/models"); None matches every request. With
    `accepted` the server does the work first (money is taken, a batch exists) and only the answer is lost.
    """

    kind: Kind = "status"
    _: KW_ONLY
    method: str | None = None
    path: str | None = None
    times: int | None = 1  # how many matching requests it hits; None: all of them
    skip: int = 0  # matching requests that pass before it begins
    at: Literal["start", "middle"] = "start"  # reset, stall, truncate: before the headers, or within the body
    accepted: bool | None = None  # None: when the fault lies in the middle or spoils a real answer
    status: int = 500
    body: object = b""  # bytes and text as they are, anything else becomes JSON; also of error_in_stream
    headers: Mapping[str, str] = field(default_factory=dict)
    name: str = "overloaded"  # of a refusal
    url: str = ""  # where a redirect points
    seconds: float = 0.2  # how long "slow" waits
    size_bytes: int = 100_000_000  # how long a "huge" list is

    @property
    def does_the_work(self) -> bool:
        """Say whether the server handles the request before the fault shows."""
        if self.accepted is not None:
            return self.accepted
        if self.kind in ("reset", "stall"):
            return self.at == "middle"
        return self.kind not in REPLACING


@dataclass
class Chaos:
    """Faults by chance, the same ones for the same seed and the same order of requests."""

    seed: int
    _: KW_ONLY
    rate: float = 0.2  # share of the matching requests that are hit
    kinds: Sequence[Kind] = ("reset", "truncate", "garbage", "html_504")
    method: str | None = None
    path: str | None = None
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable, not secret

    def draw(self) -> Fault | None:
        """Return the fault for the next matching request, or None."""
        hit, kind = self._random.random() < self.rate, self._random.choice(list(self.kinds))
        at: Literal["start", "middle"] = self._random.choice(("start", "middle"))
        return Fault(kind, at=at, times=1) if hit else None


class Plan:
    """The faults that wait for their requests, in the order of injection."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault | Chaos, list[int]]] = []
        self._lock = threading.Lock()

    def inject(self, fault: Fault | Chaos) -> None:
        """Let a fault wait for its request."""
        with self._lock:
            self._waiting.append((fault, [0]))

    def clear(self) -> None:
        """Forget every fault that has not happened."""
        with self._lock:
            self._waiting.clear()

    def draw(self, request: Received) -> Fault | None:
        """Return the first fault that hits this request, and count it."""
        with self._lock:
            for fault, matched in self._waiting:
                if not request.matches(fault.method, fault.path):
                    continue
                if isinstance(fault, Chaos):
                    if drawn := fault.draw():
                        return drawn
                    continue
                matched[0] += 1
                number = matched[0] - fault.skip
                if number >= 1 and (fault.times is None or number <= fault.times):
                    return fault
        return None
