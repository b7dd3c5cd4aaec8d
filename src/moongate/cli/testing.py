"""`moongate testing`: the offline Moonshot server by itself, and the kit that holds our facts against a live one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from moongate.cli import show
from moongate.cli.options import Asked, connecting, speaking
from moongate.errors import ConfigError
from moongate.facts.moments import rfc3339

if TYPE_CHECKING:
    from moongate.acceptance.evidence import EvidenceFile
    from moongate.acceptance.kit import Kit, Result
    from moongate.testing import MoonshotServer

REFUTED = 1


@click.group("testing")
def command() -> None:
    """Test against a server that behaves as the providers do; or hold what we know against a live one."""


@command.command("serve")
@click.option(
    "--dialect",
    type=click.Choice(["moonshot", "openrouter", "aimlapi"]),
    default="moonshot",
    show_default=True,
    help="Whose API it speaks.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Loopback port; 0 takes a free one."
)
@click.option(
    "--list", "listed", multiple=True, metavar="ID", help="An id to list, the only one; may be repeated for more."
)
@speaking
def serve(
    asked: Asked, dialect: Literal["moonshot", "openrouter", "aimlapi"], port: int, listed: tuple[str, ...]
) -> int:
    """Serve the faithful fake on a loopback port until interrupted. Its key works nowhere else."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with _server(list(listed) or None, dialect, port) as server:
        if asked.show.json:
            asked.show.line({"base_url": server.base_url, "key": server.key, "dialect": dialect})
        else:
            names = {"moonshot": "MOONSHOT", "openrouter": "OPENROUTER", "aimlapi": "AIMLAPI"}[dialect]
            asked.show.data(f"export {names}_BASE_URL={server.base_url}")
            asked.show.data(f"export {names}_API_KEY={server.key}")
            asked.show.talk("serving a fake; Ctrl-C ends")
        stop.wait()
    return 0


def _server(
    models: list[str] | None, dialect: Literal["moonshot", "openrouter", "aimlapi"], port: int
) -> MoonshotServer:
    """Return a server that listens. Raises ConfigError when its port cannot be had."""
    from moongate.testing import MoonshotServer

    try:
        return MoonshotServer(models=models, dialect=dialect, port=port)
    except OSError as error:
        raise ConfigError(
            f"The offline server cannot listen on port {port}: {error.strerror}.",
            advice="Is another one running there? Choose another port with --port; 0 takes a free one.",
        ) from error


def _money(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= 1_000_000:
        raise click.BadParameter(f"{value!r} is no amount of money, such as 0.05.")
    return value


@command.command("acceptance")
@click.option(
    "--max-cost",
    required=True,
    metavar="AMOUNT",
    callback=_money,
    help="Most that the run may cost, in the endpoint's currency; 0 runs only what cannot cost anything.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The evidence file; without it one in the working directory, named by provider and time.",
)
@click.option(
    "--patience",
    type=click.IntRange(0, 86_400),
    default=0,
    metavar="SECONDS",
    help="Run probes that wait too: 240 for how long a prompt stays cached, 1800 for a batch that ends.",
)
@connecting
def acceptance(asked: Asked, max_cost: str, output: Path | None, patience: int) -> int:
    """Ask a live Moonshot endpoint, with your key, what documents and observations leave uncertain.

    One small request per fact; each is confirmed, refuted or still open. What the answers can cost at worst is
    reserved before a request leaves, and never more than the cap. One probe sends an id that the endpoint does not
    list, on purpose; its name is said. Files and batches that a probe makes are deleted and cancelled again. What no
    probe asks is shown with the reason. Exit code 0 when nothing is refuted, 1 when a fact is: news, not a failure.
    """
    from moongate.acceptance.evidence import EvidenceFile, default_path
    from moongate.acceptance.kit import Kit, platform
    from moongate.client.build import parts
    from moongate.client.plan import chosen_model

    platform(asked.settings.row)
    asked.settings.needed_key()
    built = parts(asked.settings, long_lived=False)
    model = asked.settings.model or chosen_model(None, None, built.guard.catalog.listing())
    kit = Kit(built, model, max_cost=max_cost, patience_s=patience)
    file = EvidenceFile(output or default_path(kit.row.name))
    _announce(asked, kit)
    return _run(asked, kit, file)


def _run(asked: Asked, kit: Kit, file: EvidenceFile) -> int:
    """Run the probes, keep what they found however they end, and report."""
    import time

    from moongate.acceptance.evidence import document

    at = rfc3339(time.time())
    results: list[Result] = []
    try:
        for result in kit.run():
            results.append(result)
            asked.show.talk(f"{result.status:<9} {result.id}")
    finally:
        found = document(kit, results, at=at)
        file.keep(found)
    _report(asked, results, found, file.path)
    if kit.stopped is not None:
        return show.failure(kit.stopped, as_json=False, debug=asked.show.debug)
    return REFUTED if any(result.status == "refuted" for result in results) else 0


def _announce(asked: Asked, kit: Kit) -> None:
    asked.show.talk(f"asking {kit.row.title} ({kit.row.host}) about {kit.subject.model}, at most {kit.purse.cap}")
    asked.show.talk(f"price: {kit.basis}")
    asked.show.talk(f"sent on purpose although not listed: {', '.join(kit.unlisted)}; and a made-up key")


def _report(asked: Asked, results: Sequence[Result], found: dict[str, object], path: Path) -> None:
    if asked.show.json:
        asked.show.document(found | {"evidence": str(path)})
    else:
        columns = ("status", "id", "fact", "detail")
        asked.show.table(columns, [(result.status, result.id, result.fact, result.detail) for result in results])
    counts = {status: sum(r.status == status for r in results) for status in ("confirmed", "refuted", "open")}
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    asked.show.talk(f"{told}; cost {found['cost']} {found['currency']}; evidence in {path}")
    if counts["refuted"]:
        asked.show.talk("a refuted fact is news about the endpoint: see docs/acceptance.md for what to do with it")
