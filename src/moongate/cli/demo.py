"""`moongate demo`: the main job end to end on the embedded model, as a newcomer would type it."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from moongate.cli.local import fetch
from moongate.cli.main import run
from moongate.cli.options import Asked, speaking
from moongate.cli.serve import gateway as serving
from moongate.engine.server import require_engine
from moongate.facts.money import Money
from moongate.settings.load import Flags, load, load_folders, scrubbed

FIRST_DOLLAR = Money.of(1, "USD")


@click.command("demo")
@speaking
def command(asked: Asked) -> int:
    """Show the safe flow at work: verify, refuse two wrong ids, answer, pay. Reads no key of yours.

    Fetches the embedded model's weights first, if they are not here (93 MB).
    """
    cache_dir = load_folders().cache_dir
    require_engine()
    fetch(asked, cache_dir)
    with _clean_environment(), _gateway(cache_dir) as served_id:
        passed = [_step(asked, *step) for step in _steps(served_id)]
    if not all(passed):
        asked.show.talk("the demo did not go as it should; run it again with --debug")
        return 1
    asked.show.talk("\nThat was the embedded model. With your own key: export MOONSHOT_API_KEY=…; moongate check")
    return 0


def _steps(served_id: str) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Yield what is shown: a sentence, the exit code to expect, the command."""
    near_miss = served_id.replace("smollm2", "SmolLM2")
    yield "Every fact of the safe flow, with its evidence:", 0, ("check", "--chat")
    yield "A near miss of the id is refused, unsent, and the right one named:", 1, ("chat", "hi", "-m", near_miss)
    yield "So is the id of a model that this endpoint does not serve:", 1, ("chat", "hi", "-m", "kimi-k2.6")
    yield "The balance before:", 0, ("balance",)
    question = "Tell me in one sentence why the sky is blue."
    yield "An answer, as it comes:", 0, ("chat", question, "-m", served_id, "--stream", "--max-tokens", "80")
    yield "The balance after (the embedded model's price is fictional):", 0, ("balance",)


def _step(asked: Asked, sentence: str, expected: int, arguments: tuple[str, ...]) -> bool:
    asked.show.talk(f"\n{sentence}")
    asked.show.talk(f"$ moongate {shlex.join(arguments)}")
    return run([*arguments, *(["--no-color"] if not asked.show.color else [])]) == expected


@contextmanager
def _clean_environment() -> Iterator[None]:
    """Take every key, address and choice out of this process; what the demo writes goes to a folder of its own."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="moongate-demo-") as folder:
        clean = scrubbed(before) | {
            f"MOONGATE_{kind.upper()}_DIR": str(Path(folder, kind)) for kind in ("cache", "config", "data")
        }
        os.environ.clear()
        os.environ.update(clean)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def _gateway(cache_dir: Path) -> Iterator[str]:
    """Serve the embedded model, weights from `cache_dir`, with a fresh one-dollar account; yield the id it lists."""
    settings = load(Flags(provider="local", cache_dir=str(cache_dir)))
    with serving().running(settings, port=0) as gateway:
        gateway.desk.create_account("demo", FIRST_DOLLAR)
        _, secret = gateway.desk.create_key("demo", "the demo's")
        os.environ["MOONSHOT_BASE_URL"] = gateway.base_url
        os.environ["MOONSHOT_API_KEY"] = secret
        yield gateway.model_ids[0]
