"""The root command: which commands there are, and how each way of failing ends.

Commands are imported when they are called, so that `--help` and completion stay quick.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from moongate import __version__
from moongate.cli import show
from moongate.errors import MoongateError, UsageError

INTERRUPTED = 130

# name -> what it does, for `moongate --help`; the module of the same name in this package holds the command.
COMMANDS = {
    "check": "The safe flow, fact by fact: key, address, list, id, balance, estimate.",
    "models": "What the endpoint lists, or what a name means there.",
    "chat": "One answer, or a conversation on a terminal.",
    "balance": "The account's money.",
    "files": "Files kept at the provider.",
    "batch": "Many calls as one job: none lost, none repeated unsaid.",
    "lock": "Pin model ids at every endpoint in use, in moongate.lock.",
    "verify": "Whether what is pinned still holds; for continuous integration.",
    "diff": "What the endpoints list now that they did not when the lock was written.",
    "lint": "Wrong ids, hosts, keys and parameters in code and configuration.",
    "serve": "The gateway: this API served to others.",
    "accounts": "The gateway's accounts.",
    "keys": "The gateway's keys.",
    "usage": "What was spent, by day, model and provider.",
    "snippet": "A ready example with an id that the endpoint lists.",
    "local": "The embedded model's weights.",
    "demo": "The whole thing at work on the embedded model, without any key.",
    "facts": "What moongate takes for true, with source, date and sureness.",
    "testing": "An offline Moonshot server for your tests; probes of a live endpoint.",
    "config": "Effective settings, stored keys, trusted project files.",
    "completion": "The completion script of a shell.",
}


class _Commands(click.Group):
    """A group that imports a command when it is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"moongate.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 — a programming error, not a user's
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="moongate", message="%(prog)s %(version)s")
def root() -> None:
    """Use Kimi through the Moonshot API without ever sending a wrong model id.

    The endpoint's live list decides: an id that it does not list is refused before any request leaves, with the
    right one named. Without any key, the embedded model answers.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every failure ends in one paragraph on stderr."""
    show.speak_utf8()
    arguments = [os.fsencode(argument).decode("utf-8", "surrogateescape") for argument in arguments]
    as_json = "--json" in arguments
    debug = "--debug" in arguments
    try:
        code = root.main(args=arguments, prog_name="moongate", standalone_mode=False)
    except MoongateError as error:
        return show.failure(error, as_json=as_json, debug=debug)
    except click.exceptions.NoArgsIsHelpError as shown:
        show.help_page(shown.format_message())
        return 2
    except click.UsageError as error:
        where = f"See: {error.ctx.command_path} --help" if error.ctx else "See: moongate --help"
        return show.failure(UsageError(error.format_message(), advice=where), as_json=as_json, debug=debug)
    except click.ClickException as error:
        return show.failure(UsageError(error.format_message()), as_json=as_json, debug=debug)
    except (KeyboardInterrupt, click.Abort):
        show.interrupted(as_json=as_json)
        return INTERRUPTED
    except BrokenPipeError:
        show.give_up(sys.stdout)  # whoever read our output has left: nothing more to say, nothing to flush at exit
        return 0
    except Exception as error:  # noqa: BLE001 — the command line's edge: a bug ends in a paragraph too
        return show.bug(error, as_json=as_json, debug=debug)
    return code if isinstance(code, int) else 0
