"""Batches at a provider, one call each: create, list, retrieve, cancel, save. `client.batches` is one of these.

The raw API and no more: nothing is recorded, split, watched or merged here, and `create` names only a file. What
makes a job of it, one that survives a crash, is `moongate.batch`. The two classes differ only in waiting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from moongate.errors import UsageError
from moongate.facts.batches import WINDOW, Batch, Page
from moongate.wire import batchcalls

if TYPE_CHECKING:
    from moongate.client.aio import AsyncClient
    from moongate.client.sync import Client

Which = Literal["output", "errors"]


class Batches:
    """The batch API of a blocking client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(
        self, input_file_id: str, *, completion_window: str = WINDOW, metadata: Mapping[str, str] | None = None
    ) -> Batch:
        """Make a batch of a file uploaded with purpose "batch"; `client.files.upload` has checked its lines.

        Sent once: after an error that does not say `sent = False` the batch may exist, and `list` tells.
        """
        row = self._client.provider
        return self._client.call(
            batchcalls.create(
                row, input_file_id=input_file_id, completion_window=completion_window, metadata=metadata
            )
        )

    def list(self, *, after: str | None = None, limit: int | None = None) -> Page:
        """Return one page of batches, 20 unless `limit` says otherwise; the next comes `after` the last id."""
        return self._client.call(batchcalls.listed(self._client.provider, after=after, limit=limit))

    def every(self, *, limit: int | None = None) -> Iterator[Batch]:
        """Yield every batch of the account, page after page."""
        turning = Turning()
        while turning.more:
            yield from turning.turn(self.list(after=turning.after, limit=limit))

    def retrieve(self, batch_id: str) -> Batch:
        """Return one batch as it is now."""
        return self._client.call(batchcalls.retrieve(self._client.provider, batch_id))

    def cancel(self, batch_id: str) -> Batch:
        """Stop a batch. What is finished by then can still be saved, once its status says "cancelled"."""
        return self._client.call(batchcalls.cancel(self._client.provider, batch_id))

    def save(self, batch: Batch, path: str | Path, *, which: Which = "output") -> int:
        """Write a batch's output or error file to `path`, in one step and without holding it; return its bytes.

        Raises UsageError when the batch names no such file, StorageError when `path` cannot be written.
        """
        return self._client.files.save(file_of(batch, which), path)


class AsyncBatches:
    """The batch API of an asyncio client; see `Batches` for what each method does."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def create(
        self, input_file_id: str, *, completion_window: str = WINDOW, metadata: Mapping[str, str] | None = None
    ) -> Batch:
        """Make a batch of an uploaded file; see `Batches.create`."""
        row = self._client.provider
        return await self._client.call(
            batchcalls.create(
                row, input_file_id=input_file_id, completion_window=completion_window, metadata=metadata
            )
        )

    async def list(self, *, after: str | None = None, limit: int | None = None) -> Page:
        """Return one page of batches."""
        return await self._client.call(batchcalls.listed(self._client.provider, after=after, limit=limit))

    async def every(self, *, limit: int | None = None) -> AsyncIterator[Batch]:
        """Yield every batch of the account, page after page."""
        turning = Turning()
        while turning.more:
            for batch in turning.turn(await self.list(after=turning.after, limit=limit)):
                yield batch

    async def retrieve(self, batch_id: str) -> Batch:
        """Return one batch as it is now."""
        return await self._client.call(batchcalls.retrieve(self._client.provider, batch_id))

    async def cancel(self, batch_id: str) -> Batch:
        """Stop a batch; see `Batches.cancel`."""
        return await self._client.call(batchcalls.cancel(self._client.provider, batch_id))

    async def save(self, batch: Batch, path: str | Path, *, which: Which = "output") -> int:
        """Write a batch's output or error file to `path`; see `Batches.save`."""
        return await self._client.files.save(file_of(batch, which), path)


class Turning:
    """The turning of pages: where the next one begins, and whether there is one.

    An endpoint that repeats a page, whatever it was asked for, does not keep us turning for ever.
    """

    def __init__(self) -> None:
        self.after: str | None = None
        self.more = True
        self._seen: set[str] = set()

    def turn(self, page: Page) -> tuple[Batch, ...]:
        """Take a page; return the batches on it that were on none before."""
        new = tuple(batch for batch in page.data if batch.id not in self._seen)
        self._seen.update(batch.id for batch in new)
        self.more = page.has_more and bool(new)
        self.after = page.data[-1].id if page.data else None
        return new


def file_of(batch: Batch, which: Which) -> str:
    """Return the id of a batch's output or error file.

    Raises UsageError when it names none: not yet, or never. A batch that is completed and has neither is lost work.
    """
    found = batch.output_file_id if which == "output" else batch.error_file_id
    if found:
        return found
    name = "output" if which == "output" else "error"
    if batch.ended and not (batch.output_file_id or batch.error_file_id):
        raise UsageError(
            f"Batch {batch.id!r} is {batch.status} and names neither an output nor an error file.",
            advice="Its lines have no results that can be fetched; ask the provider's support, or send them again.",
        )
    advice = "The other file may hold results." if batch.ended else "Ask again when it has ended."
    raise UsageError(f"Batch {batch.id!r} is {batch.status} and names no {name} file.", advice=advice)
