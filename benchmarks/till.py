"""What keys, money and ledger cost a call: CPU, as a ratio to what cannot be left out, the writing of the line.

The floor is a bare `os.write` of the same bytes to the same disk. The till's own time is that of `caller`, `hold` and
`settle`; the whole adds what its thread does behind the calls: the journal into SQLite, the slices back and forth.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from moongate.facts.money import Money
from moongate.gateway import till as tills
from moongate.gateway.desk import Desk
from moongate.gateway.limits import Limits
from moongate.gateway.seams import Hold, Outcome, Want
from moongate.gateway.till import Till

ROUNDS = 30
CALLS = 2_000  # a round, then the loop turns once
LIMITS = Limits(
    budget_day=Money.of(10**6, "USD"), budget_month=Money.of(10**6, "USD"), rpm=10**9, tpm=10**11, concurrency=10**6
)
BASIS = "list price of 2026-08-13 (platform docs), not verified since"


def call(till: Till, secret: bytes) -> None:
    """Make one call as the relay does."""
    caller = till.caller(secret)
    want = Want(1_000_000, 1_000, "kimi-k2.6", "moonshot", "USD", time.time())
    hold = till.hold(caller, want)  # type: ignore[arg-type]
    if not isinstance(hold, Hold):
        raise TypeError(f"it was not at hand: {hold}")
    till.settle(hold, Outcome("kimi-k2.6", "moonshot", 123_456, BASIS, "ok", 200, 123, 45, 0, 0))


async def warm(till: Till, secret: bytes) -> None:
    """Have slices at hand that last for a round."""
    caller = till.caller(secret)
    held = []
    for _ in range(CALLS + 100):
        want = Want(4_000_000, 4_000, "kimi-k2.6", "moonshot", "USD", time.time())
        found = till.hold(caller, want) or await till.hold_slowly(caller, want)  # type: ignore[arg-type]
        if not isinstance(found, Hold):
            raise TypeError(f"it was refused: {found}")
        held.append(found)
    for hold in held:
        till.release(hold)


async def measured(path: Path, limits: Limits | None) -> tuple[float, float]:
    """Return µs of CPU a call: in the loop's thread, and in all threads together."""
    with Desk(path) as desk:
        name = "limited" if limits else "plain"
        desk.create_account(name, Money.of(10**8, "USD"))
        _, secret = desk.create_key(name, "", limits)
    own, whole = [], []
    async with tills.opened(path) as till:
        for _ in range(ROUNDS):
            await warm(till, secret.encode())
            await till.flush()
            before = time.process_time()
            own.append(timed(lambda: [call(till, secret.encode()) for _ in range(CALLS)], time.thread_time))
            await till.flush()
            whole.append((time.process_time() - before) / CALLS * 1e6)
    return statistics.median(own), statistics.median(whole)


def timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return µs a call."""
    before = clock()
    work()
    return (clock() - before) / CALLS * 1e6


def floor(folder: Path) -> float:
    """Return µs of CPU for one bare write of a line."""
    file = os.open(folder / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    line = b"x" * 260
    rounds = [timed(lambda: [os.write(file, line) for _ in range(CALLS)], time.thread_time) for _ in range(ROUNDS)]
    os.close(file)
    return statistics.median(rounds)


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        bare = floor(Path(folder))
        print(f"{'':34}{'µs CPU':>8}{'× floor':>9}")
        print(f"{'one os.write of a line (floor)':34}{bare:8.2f}{1:9.1f}")
        for name, limits in (("no limits", None), ("every limit", LIMITS)):
            own, whole = asyncio.run(measured(Path(folder) / "gateway.sqlite3", limits))
            print(f"{f'caller + hold + settle, {name}':34}{own:8.2f}{own / bare:9.1f}")
            print(f"{f'  with the books, {name}':34}{whole:8.2f}{whole / bare:9.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
