"""The thread and its sockets: nothing is left behind, whenever it ends."""

from __future__ import annotations

import gc
import socket

import pytest

from moongate.testing import MoonshotServer


@pytest.mark.parametrize("spoken", [b"", b"GET /v1/models HTTP/1.1\r\n"])
def test_closing_while_clients_arrive_leaves_nothing(spoken: bytes) -> None:
    for _ in range(10):
        with MoonshotServer() as server:
            clients = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(20)]
            for client in clients:
                client.sendall(spoken)
        for client in clients:
            client.close()
    gc.collect()  # an unclosed transport would warn here, and warnings are errors


def test_a_port_can_be_chosen_and_used_again() -> None:
    with MoonshotServer() as server:
        port = server.port
    with MoonshotServer(port=port) as again:
        assert again.port == port


def test_a_port_that_is_taken_is_an_error() -> None:
    with MoonshotServer() as server, pytest.raises(OSError, match="in use"):
        MoonshotServer(port=server.port)
