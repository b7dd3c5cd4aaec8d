"""What a door to the network must do, so that rooms can be handed one instead of opening their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from moongate.wire.calls import Call
from moongate.wire.replies import Reply


class Upstream(Protocol):
    """A blocking door: one exchange, or a stream of body pieces."""

    def exchange(self, call: Call[Any]) -> Reply:
        """Send once and return the reply, whatever its status."""
        ...

    def stream(self, call: Call[Any]) -> AbstractContextManager[tuple[Reply, Iterator[bytes]]]:
        """Send once and return the head, with the body's pieces as they arrive; a failed status is read whole."""
        ...


class AsyncUpstream(Protocol):
    """The same for asyncio."""

    async def exchange(self, call: Call[Any]) -> Reply:
        """Send once and return the reply, whatever its status."""
        ...

    def stream(self, call: Call[Any]) -> AbstractAsyncContextManager[tuple[Reply, AsyncIterator[bytes]]]:
        """Send once and return the head, with the body's pieces as they arrive; a failed status is read whole."""
        ...
