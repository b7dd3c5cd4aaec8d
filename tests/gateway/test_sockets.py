"""Where workers listen: connections are shared out, and a port that another gateway has is refused."""

from __future__ import annotations

import contextlib
import socket
import sys

import pytest

from moongate.errors import ConfigError
from moongate.gateway.sockets import listening


def taken(each: socket.socket) -> int:
    """Take every connection that waits, and return how many there were."""
    each.setblocking(False)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            each.accept()[0].close()
            count += 1
    return count


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares connections out among sockets of one port")
def test_connections_are_shared_out_among_the_workers() -> None:
    with listening("127.0.0.1", 0, 3) as sockets, contextlib.ExitStack() as clients:
        (address,) = {each.getsockname() for each in sockets}
        for _ in range(120):
            clients.enter_context(socket.create_connection(address))
        counts = [taken(each) for each in sockets]
    assert sum(counts) == 120
    assert min(counts) > 10  # 40 on average


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("others", [1, 2])
def test_a_port_that_another_gateway_has_is_refused(workers: int, others: int) -> None:
    with listening("127.0.0.1", 0, others) as sockets:
        port = sockets[0].getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on '127.0.0.1', port {port}"):
            listening("127.0.0.1", port, workers).__enter__()
    with listening("127.0.0.1", port, workers) as again:
        assert {each.getsockname()[1] for each in again} == {port}
