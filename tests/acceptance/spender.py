"""A worker process without its sockets: a till, and clients that call, wait a little, settle, and come again.

Each settled call's request id goes to stdout, as an answer's last byte would go to its client. It ends when every
client got the final no.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from pathlib import Path

from moongate.gateway import till as tills
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Outcome, Want
from moongate.gateway.till import Till


async def client(till: Till, secret: bytes, worst: int, cost: int) -> None:
    while True:
        caller = till.caller(secret)
        assert caller is not None
        want = Want(worst, 100, "m", "p", "USD", time.time())
        found = till.hold(caller, want) or await till.hold_slowly(caller, want)
        if isinstance(found, Refusal):
            if "retry-after" not in found.headers:
                return
            await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311
            continue
        await asyncio.sleep(random.uniform(0.001, 0.02))  # noqa: S311
        till.settle(found, Outcome("m", "p", cost, "fixed", "ok", 200, 10, 10))
        os.write(1, found.request_id.encode() + b"\n")


async def main(path: str, secret: str, clients: int, worst: int, cost: int) -> None:
    async with tills.opened(Path(path)) as till:
        os.write(1, b"ready\n")
        os.read(0, 1)  # the word to begin
        await asyncio.gather(*(client(till, secret.encode(), worst, cost) for _ in range(clients)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
