"""What one worker tells of its calls: numbers for `/metrics`, and a span each where traces are configured."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from moongate.gateway.counts import Counts
from moongate.gateway.seams import Outcome
from moongate.gateway.traces import Trace, Traces
from moongate.ledger.entry import OK
from moongate.wire.clean import excerpt

if TYPE_CHECKING:
    from moongate.gateway.upstream import Upstream
    from moongate.gateway.upstreams import Target

access = logging.getLogger("moongate.gateway.access")
access.setLevel(logging.INFO)
_STATM = Path("/proc/self/statm")
PATHS = frozenset(
    {
        "/",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/v1/models",
        "/v1/tokenizers/estimate-token-count",
        "/v1/users/me/balance",
    }
)


class Tally:
    """Counts and traces. Belongs to the worker's loop."""

    def __init__(self, counts: Counts, traces: Traces | None = None) -> None:
        self.counts = counts
        self.traces = traces

    def ended(
        self,
        target: Target,
        outcome: Outcome,
        currency: str,
        call_s: float,
        overhead_s: float,
        first_byte_s: float | None,
        trace: Trace | None,
    ) -> None:
        """Tell of a call that ended, whatever came of it. Times are in seconds."""
        name, wire_id = target.upstream.name, target.wire_id
        self.counts.ended(
            (name, wire_id, outcome.outcome, currency),
            (
                outcome.prompt_tokens,
                outcome.completion_tokens,
                outcome.cached_tokens,
                outcome.reasoning_tokens,
                outcome.cost_nano,
            ),
            (call_s, overhead_s, first_byte_s),
        )
        if trace is not None:
            server = urlsplit(target.row.base_url)
            about: dict[str, str | int | float] = {
                "gen_ai.provider.name": target.row.name,
                "gen_ai.response.model": outcome.model or wire_id,
                "gen_ai.usage.input_tokens": outcome.prompt_tokens,
                "gen_ai.usage.output_tokens": outcome.completion_tokens,
                "http.response.status_code": outcome.status,
                "moongate.upstream": name,
                "server.address": server.hostname or "",
                "server.port": server.port or (443 if server.scheme == "https" else 80),
            }
            trace.end(about, error=None if outcome.outcome == OK else outcome.outcome)

    def stands(self, upstreams: Iterable[Upstream], now: float) -> None:
        """Note how things stand; called twice a second. `now` is monotonic."""
        counts = self.counts
        counts.flush()
        counts.stands("workers", 1)
        counts.stands("memory_bytes", _memory())
        for upstream in upstreams:
            counts.stands("in_flight", upstream.throttle.in_flight, upstream.name)
            counts.stands("connections", upstream.pool.size, upstream.name)
            counts.stands("shut", int(upstream.breaker.state(now) == "open"), upstream.name)
            counts.stands("models", len(upstream.listing.ids) if upstream.listing else 0, upstream.name)

    def close(self) -> None:
        """Send what is left to the collector, and let go of the memory."""
        if self.traces is not None:
            self.traces.close()
        self.counts.close()


def log_access(method: str, path: str, status: int) -> None:
    """Log one answer, for those who switched `access_log` on: no query, no key, nothing that was said."""
    access.info("%s %s %d", method, excerpt(path, 200), status)


def route_of(path: str) -> str:
    """Return the name under which an answer is counted: few names, whatever is asked for."""
    if path in PATHS:
        return path
    for start in ("/v1/batches", "/v1/files"):
        if path == start or path.startswith(start + "/"):
            return start
    return "/admin" if path.startswith("/admin/") else "other"


def _memory() -> int:
    """Return the resident memory of this process in bytes; 0 where the system does not say."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
