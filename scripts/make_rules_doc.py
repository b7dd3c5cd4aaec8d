"""Write the tables of docs/moonshot.md from facts/rules.toml, between `<!-- rules: NAME -->` and `<!-- /rules -->`.

A test fails when the page is out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from moongate.wire.rules import Rule, families, rules
from moongate.wire.schema.words import LIMITS

PAGE = Path(__file__).parent.parent / "docs" / "moonshot.md"
PART = re.compile(r"(<!-- rules: (\w+) -->\n).*?(<!-- /rules -->)", re.DOTALL)
HEAD = [
    "| field | models | allowed | `raise` | `fix` | `pass` | the server says | source, date | sureness |",
    "|---|---|---|---|---|---|---|---|---|",
]


def fields() -> str:
    """Return the table of what a chat request may say."""
    return table(rule for rule in rules() if rule.where == "moonshot" and rule.families)


def files() -> str:
    """Return the table of what a file and a body may be."""
    return table(rule for rule in rules() if not rule.families)


def aimlapi() -> str:
    """Return the table of AIMLAPI's one rule."""
    return table(rule for rule in rules() if rule.where == "aimlapi")


def batches() -> str:
    """Return the table of what binds the lines of a batch file besides."""
    return table(rule for rule in rules() if rule.where == "batch")


def table(chosen: Iterable[Rule]) -> str:
    """Return one row for each rule."""
    return "\n".join([*HEAD, *(_row(rule) for rule in chosen)]) + "\n"


def _row(rule: Rule) -> str:
    sure = rule.sureness == "sure"
    raised = "refuses" if sure else "warns"
    says = f"{_code(rule.says)}{'' if rule.verbatim else ' (worded by us)'}" if rule.says else "wording not known"
    cells = (
        ", ".join(_code(name) if " " not in name else name for name in rule.fields),
        _models(rule),
        _plain(rule.allowed),
        raised,
        _plain(rule.fix) if rule.fix else raised,
        "sends it",
        says,
        f"{_plain(rule.source)}, {rule.date}",
        rule.sureness,
    )
    return f"| {' | '.join(cells)} |"


def _models(rule: Rule) -> str:
    if rule.where == "aimlapi":
        return "Kimi at AIMLAPI"
    if not rule.families:
        return "the endpoint"
    named = {"*": "all with rules", "unknown": "models without rules"}
    told = ", ".join(named.get(name, name) for name in rule.families)
    return f"{told}, {rule.when}" if rule.when else told


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`".replace("|", "\\|")


def models() -> str:
    """Return the table of families."""
    rows = ["| family | ids | thinks | context window where the list does not say |", "|---|---|---|---|"]
    for family in families():
        ids = ", ".join(f"`{name}`" for name in family.ids)
        thinks = {"default": "unless disabled", "always": "always", "never": "never"}[family.thinks]
        rows.append(f"| {family.name} | {ids} | {thinks} | {family.window or 'not known'} |")
    return "\n".join(rows) + "\n"


def limits() -> str:
    """Return the table of size limits of schemas."""
    names = {
        "depth": "levels of objects",
        "keys": "properties in all",
        "anyOf": "alternatives of one `anyOf`",
        "enum": "values of one `enum`",
        "bytes": "bytes of JSON",
    }
    rows = ["| | documented, or smallest | largest in any revision of the validator |", "|---|---|---|"]
    rows += [f"| {names[name]} | {low} | {high} |" for name, (low, high) in LIMITS.items()]
    return "\n".join(rows) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "models": models,
    "fields": fields,
    "files": files,
    "aimlapi": aimlapi,
    "batches": batches,
    "limits": limits,
}


def rendered(text: str) -> str:
    """Return the page with its tables made anew."""
    return PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text("utf-8")), "utf-8")
