"""`moongate testing serve`: the offline Moonshot server, by itself."""

from __future__ import annotations

import signal
import threading
from typing import Literal

import click

from moongate.cli.options import Asked, speaking


@click.group("testing")
def command() -> None:
    """Test against a server that behaves as the providers do, without a key and without a network."""


@command.command("serve")
@click.option("--dialect", type=click.Choice(["moonshot", "openrouter", "aimlapi"]), default="moonshot")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Loopback port; 0 takes a free one.")
@click.option("--list", "listed", multiple=True, metavar="ID", help="An id to list; may be repeated.")
@speaking
def serve(
    asked: Asked, dialect: Literal["moonshot", "openrouter", "aimlapi"], port: int, listed: tuple[str, ...]
) -> int:
    """Serve the faithful fake on a loopback port until interrupted. Its key works nowhere else."""
    from moongate.testing import MoonshotServer

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    models = list(listed) or None
    with MoonshotServer(models=models, dialect=dialect, port=port) as server:
        if asked.show.json:
            asked.show.line({"base_url": server.base_url, "key": server.key, "dialect": dialect})
        else:
            names = {"moonshot": "MOONSHOT", "openrouter": "OPENROUTER", "aimlapi": "AIMLAPI"}[dialect]
            asked.show.data(f"export {names}_BASE_URL={server.base_url}")
            asked.show.data(f"export {names}_API_KEY={server.key}")
            asked.show.talk("serving a fake; Ctrl-C ends")
        stop.wait()
    return 0
