"""`moongate serve`: the gateway."""

from __future__ import annotations

import importlib
from types import ModuleType

import click

from moongate.cli.options import Asked, connecting
from moongate.errors import MissingExtraError


def gateway() -> ModuleType:
    """Return the module that serves. Raises MissingExtraError when what it needs is not installed."""
    try:
        return importlib.import_module("moongate.gateway.serve")
    except ModuleNotFoundError as error:
        if error.name in ("uvicorn", "starlette"):
            raise MissingExtraError(
                f"The gateway needs {error.name}, which is not installed.",
                advice="Install it: pip install 'moongate[gateway]'",
            ) from error
        raise


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", help="The address to bind; other than loopback only once there are keys."
)
@click.option("--port", default=8686, type=click.IntRange(0, 65535), help="The port; 0 takes a free one.")
@connecting
def command(asked: Asked, host: str, port: int) -> int:
    """Serve the Moonshot API over the chosen provider, or over the embedded model, metered per account.

    Needs an account and a key: `moongate accounts create NAME --balance 10`, then `moongate keys create NAME`.
    """
    serve = gateway()

    def ready(base_url: str, has_keys: bool) -> None:
        if asked.show.json:
            asked.show.line({"base_url": base_url, "provider": asked.settings.row.name})
        else:
            asked.show.data(f"export MOONSHOT_BASE_URL={base_url}")
        if not has_keys:
            asked.show.talk(
                "note: there are no keys yet, so every call is refused; make one in another terminal: "
                "moongate accounts create me --balance 10; moongate keys create me"
            )
        asked.show.talk(f"serving {asked.settings.row.title}; Ctrl-C ends")

    code: int = serve.run(asked.settings, host=host, port=port, ready=ready)
    return code
