"""The flags that say how rows become requests, for the commands of `moongate batch` that take a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moongate.errors import UsageError

if TYPE_CHECKING:
    from moongate.batch.input import Recipe
    from moongate.client.sync import Client

_NAMES = ("template", "system", "id_column", "body")


def input_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags; the command is handed them as `template`, `system`, `id_column` and `body`."""
    for name, text in reversed(
        (
            (
                "--template",
                "FILE holds rows (CSV, TSV, JSON lines): ask this of each; {column} stands for its value.",
            ),
            ("--system", "A system message before each prompt; may name columns too."),
            ("--id-column", "The column that names a row; custom_id where there is one, else its place."),
            ("--body", "Fields of every request, as a JSON object."),
        )
    ):
        metavar = {"--id-column": "NAME", "--body": "JSON"}.get(name, "TEXT|@FILE")
        function = click.option(name, metavar=metavar, help=text)(function)
    return function


def recipe_of(client: Client, file: str, given: dict[str, Any]) -> Recipe | None:
    """Take the flags out of `given` and return the recipe they make, None where FILE is a batch file already.

    The model is the listed id of what the settings name. Raises UsageError for flags that do not go together.
    """
    from moongate.batch.input import Recipe, is_table

    flags = {name: given.pop(name) for name in _NAMES}
    if flags["template"] is None:
        if is_table(file):
            raise UsageError(
                f"{file!r} is a table.", advice="Say what to ask of each row: --template 'Sum up {text}.'"
            )
        if others := [name for name in _NAMES if flags[name] is not None]:
            flag = f"--{others[0].replace('_', '-')}"
            raise UsageError(
                f"{flag} is for rows.", advice="Rows need a --template; a batch file says it all itself."
            )
        return None
    permit = client.guard.allow(client.model_name())
    return Recipe(
        model=permit.id,
        template=_text(flags["template"]),
        system=_text(flags["system"]),
        id_column=flags["id_column"],
        parameters=_fields(flags["body"]),
    )


def _text(given: str | None) -> str | None:
    """Return a text, or what the file named by `@FILE` holds."""
    if given is None or not given.startswith("@"):
        return given
    path = Path(given[1:])
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{str(path)!r} is not UTF-8 text.") from error


def _fields(given: str | None) -> dict[str, Any]:
    import msgspec

    if given is None:
        return {}
    try:
        found = msgspec.json.decode(given, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UsageError(
            f"--body is no JSON object: {error}.", advice="Write it like '{\"max_tokens\": 500}'."
        ) from error
    if reserved := sorted({"model", "messages"} & found.keys()):
        raise UsageError(
            f"--body may not set {reserved[0]!r}.", advice="The model is -m, messages are the template's."
        )
    return found
