"""Where a gateway listens: one socket for each worker, so that the kernel shares the connections out.

Of one socket for all, whoever wakes first takes most connections, and clients keep theirs. The parent holds every
socket open: connections to a worker that died wait for the one that takes its place. Only Linux shares out fairly
(SO_REUSEPORT); elsewhere all workers have the same socket.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator

from moongate.errors import ConfigError

BACKLOG = 2048  # connections that wait to be taken
_SHARES_OUT = sys.platform == "linux"


@contextlib.contextmanager
def listening(host: str, port: int, workers: int) -> Iterator[tuple[socket.socket, ...]]:
    """Listen for so many workers, on a free port if it is 0. Raises ConfigError when it cannot."""
    with contextlib.ExitStack() as stack:
        try:
            sockets = _opened(stack, host, port, workers if _SHARES_OUT else 1)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"The gateway cannot listen on {host!r}, port {port}: {why}.",
                advice="Is another one running there? Choose another port with --port; 0 takes a free one.",
            ) from error
        yield sockets


def _opened(stack: contextlib.ExitStack, host: str, port: int, count: int) -> tuple[socket.socket, ...]:
    if count == 1:
        return (stack.enter_context(_open(host, port, shared=False)),)
    if port:
        _open(host, port, shared=False).close()  # a port that is shared is not refused: another gateway may have it
    first = stack.enter_context(_open(host, port, shared=True))
    port = first.getsockname()[1]
    return (first, *(stack.enter_context(_open(host, port, shared=True)) for _ in range(count - 1)))


def _open(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=shared)
