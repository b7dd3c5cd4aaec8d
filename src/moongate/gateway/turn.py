"""One turn of the loop: whole requests and whole answers that arrived in it are worked off together.

Many calls then share one write to the journal, which is done before any of their answers leaves, and the code that
each goes through stays in the processor's caches. Why: docs/decisions, "Calls are worked off in turns".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moongate.gateway.errand import Errand
    from moongate.gateway.seams import Till
    from moongate.gateway.visit import Visit
    from moongate.transport.pool import Connection


class Turn:
    """What waits for the end of this turn. Belongs to the loop."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self._begins: list[tuple[Visit, bytes]] = []
        self._ends: list[tuple[Errand, bytes]] = []
        self._works = False
        self._requests: list[tuple[Connection, bytes, Errand]] = []  # that leave at the end of the work
        self._answers: list[tuple[asyncio.WriteTransport, bytes]] = []

    def begins(self, visit: Visit, body: bytes) -> None:
        """Have a request that is here to its end answered."""
        if not self._begins and not self._ends:
            asyncio.get_running_loop().call_soon(self.work)
        self._begins.append((visit, body))

    def ends(self, errand: Errand, body: bytes) -> None:
        """Have a call settled whose answer is here to its end."""
        if not self._begins and not self._ends:
            asyncio.get_running_loop().call_soon(self.work)
        self._ends.append((errand, body))

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
        self._works = True
        ends, self._ends = self._ends, []
        begins, self._begins = self._begins, []
        if ends:
            self._settle(ends)
        for visit, body in begins:
            try:
                visit.go(body)
            except Exception:  # noqa: BLE001 - the edge of the gateway: told whole, and the others go on
                visit.broke()
        self._works = False
        requests, self._requests = self._requests, []
        answers, self._answers = self._answers, []
        for connection, request, errand in requests:
            connection.send(request, errand)
        for transport, answer in answers:
            transport.write(answer)

    def _settle(self, ends: list[tuple[Errand, bytes]]) -> None:
        settled, lines = [], []
        for errand, body in ends:
            try:
                line = errand.settle_whole(body)
            except Exception:  # noqa: BLE001 - as above
                errand.broke()
                continue
            if line:
                settled.append(errand)
                lines.append(line)
        failure = self._till.write(lines)
        for errand in settled:
            try:
                errand.conclude(failure)
            except Exception:  # noqa: BLE001 - as above
                errand.broke()
