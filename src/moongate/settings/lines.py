"""On which line of a TOML text a setting stands. Pure.

The parser that reads the file also finds the lines: a statement is the shortest run of lines that parses by itself,
so a key in a text or a comment is never taken for a setting.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]


def lines_of(text: str) -> dict[Path, int]:
    """Return the line, from 1, on which each table and each key of a valid TOML text begins."""
    found: dict[Path, int] = {}
    table: Path = ()
    for number, statement in _statements(text):
        values = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _deepest(values)
            found.setdefault(table, number)
        else:
            for path in _paths(values):
                found.setdefault(table + path, number)
    return found


def line_of(path: Path, lines: Mapping[Path, int]) -> int | None:
    """Return the line of a setting, or of the nearest table around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each table head and each key with its value, and the line it begins on."""
    begun, taken = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not taken and not _code(line):
            continue
        begun, taken = (begun, f"{taken}{line}\n") if taken else (number, f"{line}\n")
        try:
            tomllib.loads(taken)
        except tomllib.TOMLDecodeError:
            continue  # it goes on in the next line
        yield begun, taken
        taken = ""


def _code(line: str) -> bool:
    bare = line.strip(" \t\r")
    return bool(bare) and not bare.startswith("#")


def _deepest(values: Mapping[str, Any]) -> Path:
    """Return the path of the one table in these values; of an array's table, the array's."""
    path: Path = ()
    inner: Any = values
    while inner:
        if isinstance(inner, list):
            inner = inner[0]
            continue
        ((name, inner),) = inner.items()
        path += (name,)
    return path


def _paths(values: Mapping[str, Any]) -> Iterator[Path]:
    for name, value in values.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *rest) for rest in _paths(value))
