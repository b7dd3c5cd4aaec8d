"""The facade: settings, guard, catalog and transport behind a few methods, blocking and for asyncio."""

from moongate.client.aio import AsyncClient, AsyncStream
from moongate.client.sync import Client, Stream

__all__ = ["AsyncClient", "AsyncStream", "Client", "Stream"]
