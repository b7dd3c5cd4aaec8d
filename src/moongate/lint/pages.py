"""A rule's page: its docstring, and the table of all rules. `docs/rules/` is generated from it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from moongate.lint.rules import Rule, rules

_FIXES = {"always": "always", "sometimes": "where there is no doubt", "never": "no"}


@dataclass(frozen=True, kw_only=True)
class Page:
    """The documentation of one rule, in Markdown."""

    title: str  # one sentence
    does: str  # the first paragraph of "What it does"
    text: str  # the whole of it


def page_of(rule: Rule) -> Page:
    """Return a rule's page. The docstring's first line is its title, the rest is Markdown."""
    text = inspect.cleandoc(type(rule).__doc__ or "")
    title, _, rest = text.partition("\n")
    does = rest.partition("## What it does\n")[2].strip().partition("\n\n")[0].replace("\n", " ")
    return Page(title=title, does=does, text=rest.strip() + "\n")


def files() -> Iterator[tuple[str, str]]:
    """Yield (file name, content) of every page of `docs/rules/`, its table first."""
    yield "README.md", _table()
    for rule in rules():
        page = page_of(rule)
        head = f"# {rule.code} {rule.name}\n\n{page.title}\n\n"
        yield f"{rule.code}.md", f"{head}Severity: {rule.severity}. `--fix`: {_FIXES[rule.fix]}.\n\n{page.text}"


def _table() -> str:
    rows = [
        "# Rules",
        "",
        "Every page here is the docstring of the rule's class; `make docs` writes them.",
        "",
        "| code | name | | severity | `--fix` |",
        "|---|---|---|---|---|",
    ]
    for rule in rules():
        cells = (f"[{rule.code}]({rule.code}.md)", rule.name, page_of(rule).title, rule.severity, _FIXES[rule.fix])
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"
