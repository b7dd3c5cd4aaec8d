"""What one chat took and how it ended, told to till, tally, trace and upstream: the books of an errand.

Each part of it is told exactly once, whatever goes wrong.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from moongate.errors import MoongateError, StorageError
from moongate.gateway.charges import charged, not_charged
from moongate.gateway.relay import told
from moongate.gateway.seams import Caller, Hold, Outcome

if TYPE_CHECKING:
    from moongate.gateway.asked import Asked
    from moongate.gateway.relay import Relay
    from moongate.gateway.tap import Tap
    from moongate.gateway.traces import Trace
    from moongate.gateway.upstreams import Target

FAILURE_MAX_BYTES = 1024 * 1024


class Reckoning:
    """The books of one call. `Errand` makes the call, and says when."""

    __slots__ = (
        "_asked",
        "_begun",
        "_caller",
        "_first_at",
        "_head_s",
        "_hold",
        "_relay",
        "_sent_at",
        "_tap",
        "_target",
        "_trace",
        "began",
    )

    _relay: Relay
    _caller: Caller
    _asked: Asked
    _target: Target | None  # that was tried last
    _begun: bool  # counted at the target, and not yet as ended
    _hold: Hold | None  # while it is open
    _tap: Tap | None
    _trace: Trace | None
    _sent_at: float
    _first_at: float  # when something of the answer last came
    _head_s: float | None  # how long the upstream took to begin
    began: float  # when its head had arrived

    def _settled(self, target: Target, hold: Hold, outcome: Outcome, answer: bytes) -> float:
        """Count a call and end its span; return how long it was here and not at the upstream, in seconds."""
        relay = self._relay
        self._hold = None
        now = time.perf_counter()
        whole_s = now - self.began
        overhead_s = whole_s - self._first_at + self._sent_at
        trace, self._trace = self._trace, None
        if trace is not None:
            trace.tag("moongate.request_id", hold.request_id)
        relay.tally.ended(target, outcome, self._caller.currency, whole_s, overhead_s, self._head_s, trace)
        if relay.till.keeps_content:
            relay.till.content(hold, self._asked.body[:FAILURE_MAX_BYTES], answer)
        return overhead_s

    def _settle_quietly(self, kind: str, status: int, *, charge: bool = True) -> None:
        """Settle a call that has no good end; a disk that refuses even that must not hide what went wrong first."""
        hold, tap, target = self._hold, self._tap, self._target
        if hold is None:
            return
        if charge and target is not None:
            model, usage, said = (tap.model, tap.usage, tap.said_bytes) if tap is not None else ("", None, 0)
            outcome = charged(self._asked, target, hold, model, usage, said_bytes=said, kind=kind, status=status)
        else:
            provider = target.row.name if target is not None else hold.want.provider
            outcome = not_charged(provider, kind=kind, status=status)
        self._hold = None
        if self._trace is not None:
            self._trace.tag("moongate.request_id", hold.request_id)
        self._tell(outcome)
        try:
            self._relay.till.settle(hold, outcome)
        except StorageError as error:
            told(error)

    def _tell(self, outcome: Outcome) -> None:
        """Count it, and end its span."""
        trace, self._trace = self._trace, None
        if self._target is not None:
            now = time.perf_counter()
            self._relay.tally.ended(
                self._target,
                outcome,
                self._caller.currency,
                now - self.began,
                self._overhead_s(now),
                self._head_s,
                trace,
            )
        elif trace is not None:
            trace.end({}, error=outcome.outcome)

    def _ended(self, *, error: MoongateError | None = None, gone: bool = False) -> None:
        if self._begun and self._target is not None:
            self._begun = False
            self._target.upstream.ended(self._relay.now, error=error, gone=gone)

    def _overhead_s(self, now: float) -> float:
        """Return how long the call was here and not at the upstream, until `now`."""
        return now - self.began - self._first_at + self._sent_at
