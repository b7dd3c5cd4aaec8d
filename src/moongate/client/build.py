"""From settings to the parts of a client: network, catalog, guard, and the embedded model where it serves."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from moongate.catalog.live import Catalog, Freshness
from moongate.catalog.resolve import Pins
from moongate.client.guard import Guard
from moongate.errors import AuthenticationError, EngineError, WrongRegionError
from moongate.facts.keys import Key
from moongate.facts.providers import Provider, built_in
from moongate.settings.load import Settings
from moongate.store.cache import ListCache
from moongate.wire import calls
from moongate.wire.retry import Policy

if TYPE_CHECKING:
    from moongate.engine.server import EmbeddedServer
    from moongate.transport.network import Network


@dataclass(frozen=True, kw_only=True)
class Parts:
    """One endpoint, ready to be called."""

    row: Provider
    key: Key | None
    network: Network
    guard: Guard
    engine: EmbeddedServer | None = None
    cache: ListCache | None = None

    @contextlib.contextmanager
    def explaining(self) -> Iterator[None]:
        """Tell a key of another region or product from a wrong one, where a call is answered with 401."""
        try:
            yield
        except WrongRegionError:
            raise
        except AuthenticationError as error:
            raise _diagnosed(error, self.row, self.key, self.cache) from error

    def close(self) -> None:
        """End the embedded model, if one was started."""
        if self.engine is not None:
            self.engine.close()


def parts(settings: Settings, *, clock: Callable[[], float] = time.time, long_lived: bool = True) -> Parts:
    """Build the parts. Starts the embedded model when settings say that it serves."""
    if not settings.is_local:
        return _assemble(settings, settings.row, settings.key, None, clock=clock, long_lived=long_lived)
    engine = _started(settings)
    row = replace(settings.row, base_url=engine.base_url)
    with contextlib.ExitStack() as undo:
        undo.callback(engine.close)
        built = _assemble(
            settings, row, Key(engine.key, source="the embedded model"), engine, clock=clock, long_lived=long_lived
        )
        undo.pop_all()
    return built


def _started(settings: Settings) -> EmbeddedServer:
    from moongate.engine import server, weights

    model = weights.find_any(settings.cache_dir)
    if model is None:
        raise EngineError(
            "The embedded model's weights are not on this machine yet (93 MB).",
            advice="Fetch them: moongate local pull",
        )
    return server.start(model)


def _assemble(
    settings: Settings,
    row: Provider,
    key: Key | None,
    engine: EmbeddedServer | None,
    *,
    clock: Callable[[], float],
    long_lived: bool,
) -> Parts:
    network = _network(settings)
    cache = None if engine is not None else ListCache(folder=settings.cache_dir / "lists")
    catalog = Catalog(
        row,
        lambda: _fetch_list(settings, row, key, network, cache),
        fingerprint=key.fingerprint if key else "",
        cache=cache,
        rules=Freshness(),
        clock=clock,
        refresh_ahead=long_lived,
        lock_timeout_s=settings.list_timeout_s + 5,
    )
    pinned = {alias: ids[row.name] for alias, ids in settings.aliases.items() if row.name in ids}
    pins = Pins(ids=pinned, files=settings.alias_files)
    return Parts(
        row=row,
        key=key,
        network=network,
        guard=Guard(row=row, catalog=catalog, mode=settings.guard, pins=pins, clock=clock),
        engine=engine,
        cache=cache,
    )


def _network(settings: Settings) -> Network:
    from moongate.transport.network import Network

    default = Network()
    return Network(
        read_timeout_s=settings.timeout_s or default.read_timeout_s,
        connect_timeout_s=min(settings.timeout_s or default.connect_timeout_s, default.connect_timeout_s),
        total_timeout_s=settings.timeout_s,
        proxies=settings.proxies,
        no_proxy=settings.no_proxy,
        ca_file=settings.ca_file,
    )


def _fetch_list(
    settings: Settings,
    row: Provider,
    key: Key | None,
    network: Network,
    cache: ListCache | None,
) -> bytes:
    """Return the body of the live list, over a connection of its own with the list's own time-out."""
    from moongate.transport.sync import Door

    if row.list_auth == "required":
        key = key or settings.needed_key()
    limit = settings.list_timeout_s
    patient = replace(network, read_timeout_s=limit, total_timeout_s=limit)
    call = calls.list_body(row, has_key=key is not None)
    with Door(row, key, patient, policy=Policy(tries=2)) as door:
        try:
            return door.call(call)
        except AuthenticationError as error:
            raise _diagnosed(error, row, key, cache) from error


def _diagnosed(
    error: AuthenticationError, row: Provider, key: Key | None, cache: ListCache | None
) -> AuthenticationError:
    """Tell a key of another region or product from a wrong one, by evidence at hand, without sending it anywhere.

    Evidence: the same key got a list at another address before; or its prefix is another product's (Kimi Code keys
    begin with sk-kimi-, OpenRouter's with sk-or-; gateways' documentation, 2026-11).
    """
    if key is None:
        return error
    seen = cache.seen_elsewhere(key.fingerprint, besides=row.base_url) if cache else ()
    home = next((known.name for url in seen for known in built_in().values() if known.owns(url)), None)
    marked = next((names for start, names in _PREFIXES if key.reveal().startswith(start)), ())
    home = home or (marked[0] if marked and row.name not in marked else None)
    if home is None or home == row.name:
        return error
    return WrongRegionError(
        f"{row.title} ({row.host}) does not accept this key: it is one of {built_in()[home].title}.",
        advice=f"Use it with -p {home}, or make a key for {row.title}"
        + (f" at {row.console}." if row.console else "."),
        status=error.status,
        provider_message=error.provider_message,
        request_id=error.request_id,
    )


_PREFIXES = (("sk-kimi-", ("kimi-code", "kimi-code-global")), ("sk-or-", ("openrouter",)))
