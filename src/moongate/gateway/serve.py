"""Start and end a gateway: settings, socket, uvicorn, signals, draining. `run` blocks; `running` is a `with` block.

Nothing is printed here; what a person should know is handed to the caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from moongate.errors import ConfigError, StorageError
from moongate.facts.providers import is_loopback
from moongate.gateway.app import Gateway
from moongate.gateway.clerk import Clerk
from moongate.gateway.config import Config, single
from moongate.gateway.desk import FILE_NAME, Desk
from moongate.gateway.options import Options
from moongate.gateway.upstreams import Upstreams
from moongate.settings.load import Settings

log = logging.getLogger("moongate.gateway")

DRAIN_S = 5  # how long streams in flight may go on after the signal
SETTLE_S = 2.0  # how long those that were cut off then take to be settled
PORT = 8686
BACKLOG = 2048
Ready = Callable[[str, bool], object]


@dataclass(frozen=True, kw_only=True)
class Running:
    """A gateway that listens. `desk` is a desk of the caller's own, for the caller's thread."""

    base_url: str  # http://127.0.0.1:PORT/v1
    has_keys: bool  # whether any key opened it when it started
    desk: Desk
    _upstreams: Upstreams

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The ids it lists; blocks until the list was had. Raises what the list call raises."""
        return tuple(i for each in self._upstreams.every for i in each.guard.catalog.listing().ids)


def run(config: Config | Settings, *, host: str = "127.0.0.1", port: int = PORT, ready: Ready | None = None) -> int:
    """Serve until SIGINT or SIGTERM, then let streams finish for up to 5 seconds, and return 0.

    `ready` is called once it listens, with the base url and whether there is any key. Raises ConfigError for what
    cannot be served (port in use, another address than loopback without keys, a bad [gateway] table), StorageError
    for the database, EngineError for the embedded model.
    """
    with _prepared(config, host, port) as prepared:
        if ready is not None:
            ready(prepared.base_url, prepared.has_keys)
        asyncio.run(prepared.serve(with_signals=True))
    return 0


@contextlib.contextmanager
def running(config: Config | Settings, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Running]:
    """Serve from a thread for the length of a `with` block. Raises as `run` does."""
    with _prepared(config, host, port) as prepared:
        thread = threading.Thread(target=prepared.serve_in_thread, name="moongate-gateway", daemon=True)
        thread.start()
        try:
            with Desk(prepared.path) as desk:
                yield Running(
                    base_url=prepared.base_url, has_keys=prepared.has_keys, desk=desk, _upstreams=prepared.upstreams
                )
        finally:
            prepared.server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """uvicorn, with signals left to us: its own handling ends the process by the signal instead of returning."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """Everything that a gateway needs, ready to serve once."""

    path: Path
    base_url: str
    has_keys: bool
    upstreams: Upstreams
    clerk: Clerk
    gateway: Gateway
    server: _Server
    socket: socket.socket
    alone: bool

    def serve_in_thread(self) -> None:
        asyncio.run(self.serve(with_signals=False))

    async def serve(self, *, with_signals: bool) -> None:
        """Serve until told to end, then settle what is left."""
        if with_signals:
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._told_to_end)
        watching = asyncio.create_task(self.upstreams.keep())
        try:
            await self.server.serve(sockets=[self.socket])
        finally:
            await self.gateway.relay.finish(wait_s=SETTLE_S)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            if self.alone:
                await self.clerk.ask(Desk.write_off)
            await self.upstreams.close()

    def _told_to_end(self) -> None:
        self.server.force_exit = self.server.should_exit  # the second time
        self.server.should_exit = True


@contextlib.contextmanager
def _prepared(config: Config | Settings, host: str, port: int) -> Iterator[_Prepared]:
    """Build the parts in an order in which what is cheap to refuse is refused first; undo them in reverse."""
    config = single(config) if isinstance(config, Settings) else config
    options, settings = config.options, config.settings
    config.need_keys()
    with contextlib.ExitStack() as stack:
        path = settings.data_dir / FILE_NAME
        desk = Desk(path)
        clerk = Clerk(desk)
        stack.callback(clerk.close)
        has_keys = desk.has_keys()
        _check_bind(host, has_keys=has_keys)
        listening = stack.enter_context(_bound(host, port))
        alone = stack.enter_context(_alone(path))
        if alone:
            _freed(desk)
        upstreams = Upstreams(config.sources, options.routes)
        stack.callback(_end_engines, upstreams)
        gateway = Gateway(upstreams, clerk, options, bound=host)
        yield _Prepared(
            path=path,
            base_url=_base_url(host, listening),
            has_keys=has_keys,
            upstreams=upstreams,
            clerk=clerk,
            gateway=gateway,
            server=_Server(_config(gateway, options)),
            socket=listening,
            alone=alone,
        )


def _end_engines(upstreams: Upstreams) -> None:
    """End embedded models where serving never began; `serve` has ended them otherwise, and twice does no harm."""
    closing = threading.Thread(target=lambda: asyncio.run(upstreams.close()))  # a loop may be running in this thread
    closing.start()
    closing.join()


def _config(gateway: Gateway, options: Options) -> uvicorn.Config:
    return uvicorn.Config(
        gateway.app(),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=options.access_log,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_S,
        h11_max_incomplete_event_size=64 * 1024,
    )


def _check_bind(host: str, *, has_keys: bool) -> None:
    if not is_loopback(host) and not has_keys:
        raise ConfigError(
            f"The gateway does not bind to {host!r} while it has no keys: anybody there could reach it.",
            advice="Make one first: moongate accounts create NAME, then moongate keys create NAME.",
        )


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"The gateway cannot listen on {host!r}, port {port}: {why}.",
            advice="Is another one running there? Choose another port with --port; 0 takes a free one.",
        ) from error
    with listening:
        yield listening


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Say whether no other gateway works on the same database, and keep it so for the length of the block."""
    lock = FileLock(path.with_suffix(".lock"), timeout=0, mode=0o600, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise StorageError(f"The lock {lock.lock_file!r} cannot be taken: {error.strerror or error}.") from error
    try:
        yield True
    finally:
        lock.release()


def _freed(desk: Desk) -> None:
    count = desk.write_off()
    if count:
        log.warning("%d calls were under way when the gateway last ended; they are in the ledger as lost", count)


def _base_url(host: str, listening: socket.socket) -> str:
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"
