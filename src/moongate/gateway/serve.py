"""Start and end a gateway: settings, socket, workers, signals, draining. `run` blocks; `running` is a `with` block.

Nothing is printed here; what a person should know is handed to the caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import selectors
import signal
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import uvicorn

from moongate.errors import ConfigError, MoongateError
from moongate.gateway import till as tills
from moongate.gateway.app import Gateway
from moongate.gateway.board import Board
from moongate.gateway.certificate import Shown
from moongate.gateway.clerk import Clerk
from moongate.gateway.config import Config
from moongate.gateway.counts import Counts, shared_folder
from moongate.gateway.desk import Desk
from moongate.gateway.options import Options
from moongate.gateway.place import Place, prepared
from moongate.gateway.porter import Porter
from moongate.gateway.protocol import Protocol
from moongate.gateway.relay import Patience, Relay
from moongate.gateway.seldom import seldom
from moongate.gateway.sockets import BACKLOG
from moongate.gateway.spool import Spool
from moongate.gateway.tally import Tally
from moongate.gateway.tenants.archive import Archive
from moongate.gateway.tenants.away import Away
from moongate.gateway.tenants.leftovers import Leftovers
from moongate.gateway.tenants.places import Places
from moongate.gateway.tenants.referred import Referred
from moongate.gateway.tenants.routes import Tenants
from moongate.gateway.tenants.work import Work
from moongate.gateway.till import Till
from moongate.gateway.traces import Traces
from moongate.gateway.upstreams import Upstreams
from moongate.gateway.workers import supervise
from moongate.settings.load import Settings

log = logging.getLogger("moongate.gateway")

DRAIN_S = 5  # how long calls in flight may go on after the signal
LET_IN_S = 0.5  # how long those are let in after the signal who connected before
PORT = 8686
GARBAGE_AFTER = 20_000  # objects more than before, until it is looked for cycles
Ready = Callable[[Place, str | None], object]
Reread = Callable[[], Config]


@dataclass(frozen=True, kw_only=True)
class Running:
    """A gateway that listens. `desk` is a desk of the caller's own, for the caller's thread."""

    base_url: str  # http://127.0.0.1:PORT/v1
    has_keys: bool  # whether any key opened it when it started
    desk: Desk
    _worker: Worker

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The ids it lists; blocks until the list was had. Raises what the list call raises."""
        return tuple(i for each in self._worker.upstreams.every for i in each.guard.catalog.listing().ids)

    def booked(self) -> None:
        """Wait until every call that was answered is in the ledger that `desk` shows."""
        self._worker.ask(lambda till: till.flush())


def run(
    config: Config | Settings,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    workers: int = 1,
    ready: Ready | None = None,
    reread: Reread | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM, then let calls finish for up to 5 seconds, and return 0.

    `ready` is called once it listens, with the place and, the first time ever, the admin key that was just made: it
    is told here and never again. On SIGHUP the configuration that `reread` returns is gone by, without a request
    being dropped. Raises ConfigError for what cannot be served (port in use, another address than loopback without
    keys, a bad [gateway] table), StorageError for the database, EngineError for the embedded model.
    """
    with seldom(logging.getLogger("moongate.gateway.calls")), prepared(config, host, port, workers) as place:
        if ready is not None:
            ready(place, place.first_admin_key())
        if workers == 1:
            Worker(place, reread=reread).run()
            return 0
        _check_workers(place.config)
        with shared_folder(place.path) as folder:
            return _supervised(replace(place, counts=folder, board=Board(workers)), workers, reread)


def _supervised(place: Place, workers: int, reread: Reread | None) -> int:
    """Serve with several processes. One that starts later goes by what was read last."""

    def work(number: int, parent: int) -> None:
        place.keep_socket(number)
        Worker(place, number=number, reread=reread, parent=parent).run()

    def reload() -> None:
        nonlocal place
        if reread is not None:
            with contextlib.suppress(MoongateError):  # each worker logs what is wrong
                place = place.with_config(reread())

    return supervise(workers, work, reload=reload, ending=place.close)


@contextlib.contextmanager
def running(
    config: Config | Settings, *, host: str = "127.0.0.1", port: int = 0, patience: Patience | None = None
) -> Iterator[Running]:
    """Serve from a thread for the length of a `with` block. Raises as `run` does."""
    with prepared(config, host, port) as place:
        worker = Worker(place, patience=patience)
        thread = threading.Thread(target=worker.run, name="moongate-gateway", daemon=True)
        thread.start()
        try:
            worker.started.wait()
            with Desk(place.path) as desk:
                yield Running(base_url=place.base_url, has_keys=place.has_keys, desk=desk, _worker=worker)
        finally:
            worker.end()
            thread.join()


class _Server(uvicorn.Server):
    """uvicorn, with signals left to us: its own handling ends the process by the signal instead of returning."""

    def __init__(self, config: uvicorn.Config, relay: Relay) -> None:
        super().__init__(config)
        self._relay = relay

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell those who are connected, and those who wait to be let in: closing resets who still waits."""
        self._relay.ending = True
        with selectors.DefaultSelector() as queues:
            for each in sockets or ():
                queues.register(each, selectors.EVENT_READ)
            end = time.monotonic() + LET_IN_S
            while queues.select(0) and time.monotonic() < end:
                await asyncio.sleep(0)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Worker:
    """One event loop that serves a place: `run` until `end`, in a process or a thread of its own."""

    def __init__(
        self,
        place: Place,
        *,
        number: int = 0,
        reread: Reread | None = None,
        patience: Patience | None = None,
        parent: int | None = None,
    ) -> None:
        self._patience = patience
        self._parent = parent  # a descriptor that ends with the parent process
        self.relay: Relay | None = None
        self.place = place
        self._socket = place.socket(number)
        self.started = threading.Event()
        self.upstreams = Upstreams(place.config.sources, place.config.options.routes, notes=place.notes(number))
        self._reread = reread
        self._reloading = asyncio.Lock()
        self._reloads: set[asyncio.Task[None]] = set()
        self._server: _Server | None = None
        self._shown = None if place.tls is None else Shown(place.tls)
        self._till: Till | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._porter: Porter | None = None

    def run(self) -> None:
        """Serve until told to end."""
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._serve())

    def end(self) -> None:
        """Have it end, from any thread; the second time at once."""
        if self._server is not None:
            self._server.force_exit = self._server.should_exit
            self._server.should_exit = True

    def ask(self, do: Callable[[Till], Any]) -> Any:
        """Have the till do something, from another thread."""
        if self._loop is None or self._till is None:
            raise RuntimeError("it does not run yet")
        return asyncio.run_coroutine_threadsafe(do(self._till), self._loop).result()

    def reload(self) -> None:
        """Go by the configuration as it is now; a faulty one changes nothing."""
        if self._reread is not None and self._porter is not None:
            reload = asyncio.create_task(self._reload(self._reread, self._porter))
            self._reloads.add(reload)
            reload.add_done_callback(self._reloads.discard)

    async def _reload(self, reread: Reread, porter: Porter) -> None:
        """Read it in a thread: files and a keyring may take their time. One after the other, as the signals came."""
        async with self._reloading:
            try:
                config = await asyncio.to_thread(reread)
                self._renew(config.options)
                self.upstreams.use(config.sources, config.options.routes)
            except MoongateError as error:
                log.warning("the configuration is not taken over: %s", error)
                return
            porter.use(config.options)
            if self._till is not None:
                _told(self._till, config.options)
            log.warning("the configuration was read again")

    def _renew(self, options: Options) -> None:
        """Show the certificate as it is now."""
        if (options.certificate is None) != (self._shown is None):
            log.warning("whether https is spoken is decided when the gateway starts, and stays as it is")
        elif options.certificate is not None and self._shown is not None:
            self._shown.use(options.certificate)

    async def _serve(self) -> None:
        options = self.place.config.options
        self._loop = asyncio.get_running_loop()
        try:
            async with self._opened_till(options) as till, contextlib.AsyncExitStack() as stack:
                clerk = Clerk(Desk(self.place.path))
                stack.callback(clerk.close)
                self._porter = Porter(till, options, bound=self.place.host)
                tally = stack.enter_context(_tally(options, self.place.counts))
                self.relay = relay = Relay(till, self.upstreams, self._porter, Spool(), tally, self._patience)
                gateway = Gateway(self.upstreams, till, clerk, self._porter, tally.counts)
                work, leftovers = self._tenants(gateway, relay, stack)
                self._server = _Server(_config(gateway, relay, self.place.tls), relay)
                await self._served(self._server, relay, work, leftovers)
        finally:
            self.started.set()
            await self.upstreams.close()

    def _tenants(self, gateway: Gateway, relay: Relay, stack: contextlib.AsyncExitStack) -> tuple[Work, Leftovers]:
        """Give the gateway the files and batches of its accounts."""
        places = Places(self.place.config.settings.data_dir)
        archive = Clerk(Archive(places, options=lambda: relay.porter.options))
        stack.callback(archive.close)
        work = Work(relay, archive, places)
        away = Away(self.upstreams)
        relay.files = gateway.files = Referred(archive, away)
        gateway.more = Tenants(gateway.gate, archive, places, away, work.poke).routes()
        return work, Leftovers(archive, away)

    async def _served(self, server: _Server, relay: Relay, work: Work, leftovers: Leftovers) -> None:
        tasks = [
            asyncio.create_task(self.upstreams.keep()),
            asyncio.create_task(work.keep()),
            asyncio.create_task(leftovers.keep()),
            asyncio.create_task(relay.watch(cast("set[Protocol]", server.server_state.connections))),
        ]
        self._heed_signals()
        self.started.set()
        gc.collect()
        gc.freeze()  # what is there now stays: no later collection has to walk over it
        gc.set_threshold(GARBAGE_AFTER)  # calls leave no cycles behind, and many are under way at once
        try:
            await server.serve(sockets=[self._socket])
        finally:
            await work.finish()
            await relay.finish()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _opened_till(self, options: Options) -> AsyncIterator[Till]:
        async with tills.opened(self.place.path) as till:
            _told(till, options)
            self._till = till
            yield till

    def _heed_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.end)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        if self._parent is not None:
            loop.add_reader(self._parent, self._left_alone)

    def _left_alone(self) -> None:
        if self._parent is not None:
            asyncio.get_running_loop().remove_reader(self._parent)
        self.end()


@contextlib.contextmanager
def _tally(options: Options, folder: Path | None) -> Iterator[Tally]:
    traces = None
    if options.otel_endpoint is not None:
        traces = Traces(options.otel_endpoint, sample=options.otel_sample)
    tally = Tally(Counts(folder), traces)
    try:
        yield tally
    finally:
        tally.close()


def _told(till: Till, options: Options) -> None:
    """Have a till go by the configuration."""
    till.use(on_full=options.on_disk_full, log_content=options.log_content, content_days=options.log_content_days)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ModuleNotFoundError:  # where there is none: not on Windows
        return None
    return uvloop.new_event_loop


def _config(gateway: Gateway, relay: Relay, tls: ssl.SSLContext | None) -> uvicorn.Config:
    config = uvicorn.Config(
        gateway.app(),
        http=functools.partial(Protocol, relay),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # `tally` has one that knows of every route
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_S,
    )
    config.load()
    config.ssl = tls  # made before the workers were: files may be half written when one starts later
    return config


def _check_workers(config: Config) -> None:
    if any(source.settings.is_local for source in config.sources):
        raise ConfigError(
            "The embedded model is served by one worker: each would start a model of its own.",
            advice="Leave --workers out.",
        )
