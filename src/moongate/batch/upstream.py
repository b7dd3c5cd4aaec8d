"""What the engine is handed to reach a provider: guarded, with a key inside, and nothing to configure.

`moongate.client` makes one of its settings; tests make their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from moongate.batch.validate import Permitted
from moongate.facts.models import Model
from moongate.facts.money import Price
from moongate.facts.providers import Provider
from moongate.ledger.own import OwnLedger
from moongate.wire.calls import Call
from moongate.wire.replies import Reply

T = TypeVar("T")


class Sender(Protocol):
    """What the lines of a job go out through, one by one."""

    @property
    def row(self) -> Provider:
        """The endpoint's row: how its answers are to be read."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any message."""
        ...

    def check(self, body: bytes) -> None:
        """Look at the bytes that are about to leave: every model they name must have its permit. Never blocks.

        Raises RequestRefusedError or ModelRefusedError.
        """
        ...

    async def send(self, body: bytes) -> Reply:
        """Send a checked body as a chat, once, and return the reply, whatever its status.

        Raises a MoongateError that says by `sent` whether the provider may have taken it.
        """
        ...


class Upstream(Sender, Protocol):
    """One endpoint behind its guard, for one event loop."""

    @property
    def aliases(self) -> Container[str]:
        """The user's own names for ids, which no body may leave with."""
        ...

    def allow(self, name: str) -> Permitted:
        """Return what may be sent for a name. Blocks where the live list has to be fetched.

        Raises ModelRefusedError for a name that is no listed id's.
        """
        ...

    async def permit(self, name: str) -> Model | None:
        """Let bodies that name a wire id pass `check` from now on, and return its row of the list.

        Raises ModelRefusedError for an id that is not listed, or only under another spelling: ids in a batch file
        are not rewritten.
        """
        ...

    def price(self, model: Model | None, *, batch: bool = False) -> Price | None:
        """Return the price that bounds and counts a job's cost, of chats or of a `batch`; None if unknown."""
        ...

    async def call(self, call: Call[T]) -> T:
        """Send any other call, again where that is safe, and return what its answer says."""
        ...

    def pieces(self, call: Call[Any]) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Send such a call and yield the pieces of its answer as they arrive."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Host(Protocol):
    """What makes upstreams and says where jobs are kept: a `moongate.Client` or `moongate.AsyncClient`."""

    @property
    def provider(self) -> Provider:
        """The endpoint's row."""
        ...

    @property
    def data_dir(self) -> Path:
        """The folder in which jobs have theirs."""
        ...

    @property
    def ledger(self) -> OwnLedger | None:
        """The ledger of its owner's calls, if there is one; what jobs cost goes there too."""
        ...

    def upstream(self, *, connections: int = 256) -> Upstream:
        """Return the endpoint for one event loop; the caller closes it."""
        ...
