"""A worker whose disk is full for a while: no file may grow. It prints what becomes of its calls."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from pathlib import Path

from moongate.errors import StorageError
from moongate.gateway import till as tills
from moongate.gateway.seams import Hold, Outcome, Want
from moongate.gateway.till import Till


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def call(till: Till, secret: bytes, worst: int = 10) -> str:
    caller = till.caller(secret)
    assert caller is not None
    want = Want(worst, 1, "m", "p", "USD", time.time())
    try:
        found = till.hold(caller, want) or await till.hold_slowly(caller, want)
    except StorageError:
        return "not begun"
    assert isinstance(found, Hold), found
    try:
        till.settle(found, Outcome("m", "p", 10, "b", "ok", 200))
    except StorageError:
        return "not answered"
    return "answered"


async def main(path: str, secret: str, on_full: str) -> None:
    async with tills.opened(Path(path), on_full=on_full) as till:  # type: ignore[arg-type]
        print(await call(till, secret.encode()))
        await till.flush()
        limit(1)
        print(await call(till, secret.encode()))
        print(await call(till, secret.encode()))
        print(await call(till, secret.encode(), worst=900))  # more than is at hand
        limit(resource.RLIM_INFINITY)
        await till.flush()
        await till.flush()
        print(await call(till, secret.encode()))


if __name__ == "__main__":
    import logging

    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main(*sys.argv[1:]))
