"""One turn of the loop: whole requests and answers that arrived in it are worked off together, unless they are few.

Many calls then share one write to the journal, which is done before any of their answers leaves, and the code that
each goes through stays in the processor's caches. Why: docs/decisions, "Calls are worked off in turns".
"""

from __future__ import annotations

import asyncio
from collections.abc import Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moongate.gateway.errand import Errand
    from moongate.gateway.seams import Row, Till
    from moongate.gateway.visit import Visit
    from moongate.transport.pool import Connection


FEW = 4  # calls under way, and what arrives is worked off at once: nothing else is likely to come with it


class Turn:
    """What waits for the end of this turn. Belongs to the loop."""

    def __init__(self, till: Till, under_way: Set[Errand]) -> None:
        self._till = till
        self._under_way = under_way
        self._begins: list[tuple[Visit, bytes]] = []
        self._ends: list[tuple[Errand, bytes]] = []
        self._works = False
        self._planned = False
        self._requests: list[tuple[Connection, bytes, Errand]] = []  # that leave at the end of the work
        self._answers: list[tuple[asyncio.WriteTransport, bytes]] = []

    def begins(self, visit: Visit, body: bytes) -> None:
        """Have a request that is here to its end answered."""
        if len(self._under_way) <= FEW and not self._planned:
            self._begin(visit, body)
        else:
            self._begins.append((visit, body))
            self._plan()

    def ends(self, errand: Errand, body: bytes) -> None:
        """Have a call settled whose answer is here to its end."""
        if len(self._under_way) <= FEW and not self._planned:
            self._end(errand, body)
        else:
            self._ends.append((errand, body))
            self._plan()

    def send(self, connection: Connection, request: bytes, errand: Errand) -> None:
        """Send a request upstream; what leaves in a turn leaves at its end."""
        if self._works:
            self._requests.append((connection, request, errand))
        else:
            connection.send(request, errand)

    def write(self, transport: asyncio.WriteTransport, answer: bytes) -> None:
        """Write the last bytes of an answer, likewise."""
        if self._works:
            self._answers.append((transport, answer))
        else:
            transport.write(answer)

    def work(self) -> None:
        """Do it now."""
        self._works, self._planned = True, False
        if self._ends:
            ends, self._ends = self._ends, []
            self._settle(ends)
        if self._begins:
            begins, self._begins = self._begins, []
            for visit, body in begins:
                self._begin(visit, body)
        self._works = False
        if self._requests:
            requests, self._requests = self._requests, []
            for connection, request, errand in requests:
                connection.send(request, errand)
        if self._answers:
            answers, self._answers = self._answers, []
            for transport, answer in answers:
                transport.write(answer)

    def _plan(self) -> None:
        if not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self.work)

    def _begin(self, visit: Visit, body: bytes) -> None:
        try:
            visit.go(body)
        except Exception:  # noqa: BLE001 - the edge of the gateway: told whole, and the others go on
            visit.broke()

    def _end(self, errand: Errand, body: bytes) -> None:
        """Settle one call alone."""
        try:
            row = errand.settle_whole(body)
            if row is not None:
                errand.conclude(self._till.write((row,)))
        except Exception:  # noqa: BLE001 - as above
            errand.broke()

    def _settle(self, ends: list[tuple[Errand, bytes]]) -> None:
        settled: list[Errand] = []
        rows: list[Row] = []
        for errand, body in ends:
            try:
                row = errand.settle_whole(body)
            except Exception:  # noqa: BLE001 - as above
                errand.broke()
                continue
            if row is not None:
                settled.append(errand)
                rows.append(row)
        failure = self._till.write(rows) if rows else None
        for errand in settled:
            try:
                errand.conclude(failure)
            except Exception:  # noqa: BLE001 - as above
                errand.broke()
