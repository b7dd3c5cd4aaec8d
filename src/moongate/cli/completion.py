"""`moongate completion`: the script that teaches a shell to complete this command."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from moongate.cli.options import Asked, speaking
from moongate.errors import UsageError


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@speaking
def command(asked: Asked, shell: str) -> int:
    """Print the completion script of SHELL; how to load it stands in its first line."""
    from moongate.cli.main import root

    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"There is no completion for {shell!r}.")
    script = kind(root, {}, "moongate", "_MOONGATE_COMPLETE").source()
    load = {
        "bash": 'eval "$(moongate completion bash)"',
        "zsh": 'eval "$(moongate completion zsh)"',
        "fish": "moongate completion fish | source",
    }[shell]
    asked.show.data(f"# load with: {load}\n{script}")
    return 0
