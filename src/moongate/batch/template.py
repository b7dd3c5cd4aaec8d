"""A prompt with places for a row's columns: `Translate {text} into {language}.`

`{column}` stands for the row's value, `{{` and `}}` for braces. That is all there is: nothing is formatted, indexed
or evaluated, so that a template, and what a row says, cannot do anything but be text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from moongate.errors import UsageError

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template as it was read: `texts` around `columns`, one text more than there are columns."""

    texts: tuple[str, ...]
    columns: tuple[str, ...]

    @classmethod
    def of(cls, source: str) -> Template:
        """Read a template. Raises UsageError for a brace that neither names a column nor is written twice."""
        texts, columns, at = [""], [], 0
        for found in _TOKEN.finditer(source):
            texts[-1] += source[at : found.start()]
            at = found.end()
            name = (found[1] or "").strip()
            if found[0] in ("{{", "}}"):
                texts[-1] += found[0][0]
            elif not name:
                raise _stray(source, found)
            else:
                columns.append(name)
                texts.append("")
        texts[-1] += source[at:]
        return cls(texts=tuple(texts), columns=tuple(columns))

    def filled(self, row: Mapping[str, Any]) -> str:
        """Return the text for a row. Raises UsageError for a column that the row has not."""
        missing = next((name for name in self.columns if name not in row), None)
        if missing is not None:
            raise unknown(missing, row)
        pieces = [self.texts[0]]
        for name, text in zip(self.columns, self.texts[1:], strict=True):
            pieces += (written(row[name]), text)
        return "".join(pieces)


def written(value: object) -> str:
    """Write a value into a prompt: a text as it is, nothing for null, anything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def unknown(column: str, row: Mapping[str, Any]) -> UsageError:
    """Return the error that there is no such column."""
    close = difflib.get_close_matches(column, row, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return UsageError(
        f"There is no column {column!r}: the columns are {', '.join(map(repr, list(row)[:20]))}.",
        advice=f"{hint}A brace that is meant as itself is written twice: {{{{ or }}}}.",
    )


def _stray(source: str, found: re.Match[str]) -> UsageError:
    line = source.count("\n", 0, found.start()) + 1
    return UsageError(
        f"Line {line} of the template has a {found[0]!r} that names no column.",
        advice="A column is written {name}; a brace that is meant as itself is written twice: {{ or }}.",
    )
