"""A desk, for asyncio: one thread does the SQLite work, in turn, so that no loop waits on a disk.

What was handed over is done even when whoever asked is cancelled meanwhile: a call that was answered is settled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What a clerk works at."""

    def close(self) -> None:
        """Close it."""
        ...


T = TypeVar("T")
D = TypeVar("D", bound=Closable)


class Clerk(Generic[D]):
    """The only one who uses this desk (a `Desk`, an `Archive`) while the gateway runs."""

    def __init__(self, desk: D) -> None:
        self._desk = desk
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="moongate-desk")

    async def ask(self, do: Callable[[D], T]) -> T:
        """Have something done at the desk. Raises what it raises."""
        return await asyncio.shield(asyncio.wrap_future(self._thread.submit(do, self._desk)))

    def close(self) -> None:
        """Finish what was asked for, then close the desk."""
        self._thread.shutdown(wait=True)
        self._desk.close()
