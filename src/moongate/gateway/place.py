"""Where a gateway serves: what is checked, opened and fixed before anything is served, for all of its workers."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from moongate.errors import ConfigError
from moongate.facts.providers import is_loopback
from moongate.gateway import traces
from moongate.gateway.board import Board, Notes
from moongate.gateway.config import Config, single
from moongate.gateway.desk import FILE_NAME, Desk
from moongate.gateway.sockets import listening
from moongate.settings.load import Settings


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is fixed before anything is served: database, socket, configuration."""

    config: Config
    host: str
    path: Path
    has_keys: bool
    sockets: tuple[socket.socket, ...]  # each worker's own, or one for all
    tls: ssl.SSLContext | None = None  # what https is spoken with; None: http is
    board: Board | None = None  # what its workers tell each other; None: there is but one
    counts: Path | None = None  # where its workers count (`counts.shared_folder`); None: there is but one

    def first_admin_key(self) -> str | None:
        """Make the admin key, if there is none yet."""
        with Desk(self.path) as desk:
            return desk.first_admin_key()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        scheme = "http" if self.tls is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.sockets[0].getsockname()[1]}/v1"

    def with_config(self, config: Config) -> Place:
        """Return it with another configuration. Raises ConfigError for a certificate that cannot be used."""
        renewed = None if self.tls is None else _tls(config)
        return replace(self, config=config, tls=renewed or self.tls)

    def keep_socket(self, number: int) -> None:
        """Close the sockets of all workers but this one, in its process."""
        for other in self.sockets:
            if other is not self.socket(number):
                other.close()

    def socket(self, number: int) -> socket.socket:
        """Return where a worker listens."""
        return self.sockets[number % len(self.sockets)]

    def notes(self, number: int) -> Callable[[str], Notes | None]:
        """Return how a worker, which begins with nothing under way, gets its notes on an upstream."""
        board = self.board
        if board is None:
            return lambda upstream: None
        board.begins(number)
        return lambda upstream: board.notes(number, upstream)

    def close(self) -> None:
        """Listen no more in this process: who connects is refused as soon as no worker listens."""
        for each in self.sockets:
            each.close()


@contextlib.contextmanager
def prepared(config: Config | Settings, host: str, port: int, workers: int = 1) -> Iterator[Place]:
    """Check and open in an order in which what is cheap to refuse is refused first."""
    config = single(config) if isinstance(config, Settings) else config
    config.need_keys()
    if config.options.otel_endpoint is not None:
        traces.check()
    tls = _tls(config)
    path = config.settings.data_dir / FILE_NAME
    with Desk(path) as desk:
        has_keys = desk.has_keys()
    _check_bind(host, has_keys=has_keys)
    with listening(host, port, workers) as sockets:
        yield Place(config=config, host=host, path=path, has_keys=has_keys, sockets=sockets, tls=tls)


def _tls(config: Config) -> ssl.SSLContext | None:
    certificate = config.options.certificate
    return None if certificate is None else certificate.context()


def _check_bind(host: str, *, has_keys: bool) -> None:
    if not is_loopback(host) and not has_keys:
        raise ConfigError(
            f"The gateway does not bind to {host!r} while it has no keys: anybody there could reach it.",
            advice="Make one first: moongate accounts create NAME, then moongate keys create NAME.",
        )
