"""Write the generated parts of the documentation: what stands between `<!-- begin: NAME -->` and `<!-- end -->`.

`make docs` runs this; a test fails when a page is out of date.
"""

from __future__ import annotations

import inspect
import json
import re
import runpy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast, get_args, get_type_hints

import click
from click.testing import CliRunner

from moongate.cli.main import COMMANDS, root
from moongate.facts.providers import built_in
from moongate.gateway.metrics import FAMILIES
from moongate.gateway.options import SETTINGS, UPSTREAM_SETTINGS, Setting
from moongate.settings.options import OPTIONS
from moongate.testing import Readings

ROOT = Path(__file__).parent.parent
PART = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def providers() -> str:
    """Return the table of provider rows."""
    rows = [
        "| name | endpoint | key variables | currency | balance | list | source, date |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in built_in().values():
        named = [f"`{v}` (when named)" for v in row.key_env_named]
        keys = ", ".join([f"`{v}`" for v in row.key_env] + named) or "none"
        endpoint = f"`{row.base_url}`" if row.base_url else "a loopback port"
        listed = {"required": "needs a key", "optional": "public, or filtered by key", "none": "public"}[
            row.list_auth
        ]
        balance = (
            f"`{row.balance.removeprefix('/') if row.balance.startswith('//') else row.balance}`"
            if row.balance
            else "none"
        )
        cells = (f"`{row.name}`", endpoint, keys, row.currency or "–", balance, listed, f"{row.source}, {row.date}")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def options() -> str:
    """Return the table of options."""
    rows = ["| option | flag | variables | default | an untrusted project file | |", "|---|---|---|---|---|---|"]
    may = {"may": "may set it", "tighten": "may only tighten it", "never": "may not"}
    for option in OPTIONS:
        flag = (
            "" if option.name in ("cache_dir", "data_dir", "list_timeout") else f"`--{option.name.replace('_', '-')}`"
        )
        variables = ", ".join(f"`{v}`" for v in option.env)
        default = "" if option.default is None else f"`{str(option.default).lower()}`"
        rows.append(f"| `{option.name}` | {flag} | {variables} | {default} | {may[option.project]} | {option.help} |")
    return "\n".join(rows) + "\n"


def commands() -> str:
    """Return the help page of every command."""
    return "\n".join(f"### `{name}`\n\n```text\n{page}```\n" for name, page in _pages())


def _pages() -> Iterator[tuple[str, str]]:
    context = click.Context(root, info_name="moongate")
    for name in COMMANDS:
        command = root.get_command(context, name)
        names = [name]
        if isinstance(command, click.Group):
            names += [f"{name} {inner}" for inner in command.commands]
        for words in names:
            page = CliRunner().invoke(root, [*words.split(), "--help"], prog_name="moongate", terminal_width=100)
            yield f"moongate {words}", page.output


def gateway_settings() -> str:
    """Return the table of the gateway's settings."""
    return _settings(SETTINGS)


def upstream_settings() -> str:
    """Return the table of an upstream's settings."""
    return _settings(UPSTREAM_SETTINGS)


def _settings(settings: Sequence[Setting]) -> str:
    rows = ["| setting | | default | |", "|---|---|---|---|"]
    for setting in settings:
        kind = " or ".join(f"`{choice}`" for choice in setting.choices) or KINDS[setting.kind]
        default = "" if setting.default is None else f"`{json.dumps(setting.default)}`"
        rows.append(f"| `{setting.name}` | {kind} | {default} | {setting.help} |")
    return "\n".join(rows) + "\n"


def gateway_metrics() -> str:
    """Return the table of what is counted."""
    rows = ["| metric | | |", "|---|---|---|"]
    rows += [f"| `{family.name}` | {family.type} | {family.help} |" for family in FAMILIES]
    return "\n".join(rows) + "\n"


KINDS = {
    "flag": "true or false",
    "count": "a whole number",
    "number": "a number",
    "text": "a text",
    "path": "a path",
    "url": "an address",
    "texts": "a list of texts",
    "origins": "a list of origins",
}


def readings() -> str:
    """Return the table of the offline server's switches; what each is about stands beside it in the source."""
    source = inspect.getsource(Readings)
    about = dict(re.findall(r"^    (\w+): .*?  # (.*)$", source, re.MULTILINE))
    about |= {name: text for text, name in re.findall(r"^    # (.*)\n    (\w+):", source, re.MULTILINE)}
    rows = ["| switch | default | or | |", "|---|---|---|---|"]
    for name, hint in get_type_hints(Readings).items():
        default = getattr(Readings(), name)
        others = [each for each in get_args(hint) or _any_other(hint, default) if each != default]
        told = ", ".join(f"`{each!r}`" if not isinstance(each, str) else f'`"{each}"`' for each in others)
        shown = f'`"{default}"`' if isinstance(default, str) else f"`{default!r}`"
        rows.append(f"| `{name}` | {shown} | {told or 'any number'} | {about.get(name, 'a type of error')} |")
    return "\n".join(rows) + "\n"


def _any_other(hint: type, default: object) -> tuple[object, ...]:
    return (not default,) if hint is bool else ()


def gateway_errors() -> str:
    """Return an example of every error status, made by running it."""
    return cast("str", runpy.run_path(str(Path(__file__).with_name("gateway_errors.py")))["page"]())


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "gateway_errors": gateway_errors,
    "gateway_metrics": gateway_metrics,
    "gateway_settings": gateway_settings,
    "options": options,
    "providers": providers,
    "readings": readings,
    "upstream_settings": upstream_settings,
}


def rendered(text: str) -> str:
    """Return a page with its generated parts made anew."""
    return PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}{found[3]}", text)


def pages() -> list[Path]:
    """Return the pages with generated parts."""
    return [
        page
        for page in sorted(ROOT.glob("docs/*.md"))
        if any(f"<!-- begin: {n} -->" in page.read_text("utf-8") for n in PARTS)
    ]


if __name__ == "__main__":
    for page in pages():
        page.write_text(rendered(page.read_text("utf-8")), "utf-8")
