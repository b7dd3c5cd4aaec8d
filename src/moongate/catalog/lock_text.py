"""The text of a lock: sorted, one line for each pin, so that a change to it can be reviewed; a user's comments stay.

A comment belongs to the line below it, or to the line it ends; it goes when that line goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.container import Container
from tomlkit.items import Comment, Item, Table

from moongate.catalog.lock import Endpoint, Lock, Pin
from moongate.errors import ConfigError, StorageError
from moongate.store.atomic import replacing

HEADER = "# The model ids that this project uses. Written by `moongate lock`, checked by `moongate verify`."
Place = tuple[str, ...]  # the keys that lead to a line; a table's own line is the table's keys, the end is ()


def save(path: Path, lock: Lock) -> None:
    """Write a lock in one step, with the comments of the file that was there. Raises StorageError, ConfigError."""
    try:
        old = path.read_text("utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{str(path)!r} cannot be read: {error}.") from error
    with replacing(path) as file:
        file.write(written(lock, old).encode())


def written(lock: Lock, old: str = "") -> str:
    """Return the text of a lock, with the comments that stood in `old`. Raises ConfigError when `old` is no TOML."""
    page = _Page(notes=_notes(old))
    page.lines.append(HEADER)
    page.pairs((), {"version": lock.version, "default": lock.default})
    if lock.aliases:
        page.table(("aliases",))
        page.pairs(("aliases",), {name: _sorted(ids) for name, ids in _sorted(lock.aliases).items()})
    for name, endpoint in _sorted(lock.endpoints).items():
        _endpoint(page, ("endpoints", name), endpoint)
    page.lines.extend(page.notes.get((), _Note()).above)
    return "\n".join(page.lines) + "\n"


def _endpoint(page: _Page, place: Place, endpoint: Endpoint) -> None:
    page.table(place)
    page.pairs(place, {"base_url": endpoint.base_url, "listed_at": endpoint.listed_at.replace(microsecond=0)})
    page.pairs(place, {"sha256": endpoint.sha256, "total": endpoint.total})
    page.pairs(place, {"listed": sorted(endpoint.listed)})
    if endpoint.ids:
        page.table((*place, "ids"))
        page.pairs((*place, "ids"), {name: _said(pin) for name, pin in _sorted(endpoint.ids).items()})


def _said(pin: Pin) -> dict[str, Any]:
    """Return what a pin records, without what its row did not say."""
    fields = {"context": pin.context, "inputs": pin.inputs and list(pin.inputs), "reasoning": pin.reasoning}
    known = {name: value for name, value in fields.items() if value is not None}
    return known | ({"floating": True} if pin.floating else {})


def _sorted(table: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(table.items()))


@dataclass(kw_only=True)
class _Note:
    """The comments of one line."""

    above: list[str] = field(default_factory=list)
    beside: str = ""


@dataclass(kw_only=True)
class _Page:
    """Lines under way."""

    notes: Mapping[Place, _Note]
    lines: list[str] = field(default_factory=list)

    def table(self, place: Place) -> None:
        self.lines.append("")
        self._line(place, f"[{tomlkit.key(place).as_string()}]")

    def pairs(self, place: Place, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if value is not None:
                self._line((*place, name), f"{tomlkit.key(name).as_string()} = {_value(value)}")

    def _line(self, place: Place, text: str) -> None:
        note = self.notes.get(place, _Note())
        self.lines.extend(note.above)
        self.lines.append(f"{text}  {note.beside}" if note.beside else text)


def _value(value: Any) -> str:
    """Return a value in TOML: tables on one line, a list of ids over several."""
    if isinstance(value, dict):
        pairs = (f"{tomlkit.key(name).as_string()} = {_inner(inner)}" for name, inner in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, list):
        return "[\n" + "".join(f"    {_inner(inner)},\n" for inner in value) + "]" if value else "[]"
    return _inner(value)


def _inner(value: Any) -> str:
    return str(tomlkit.item(value).as_string())


def _notes(text: str) -> dict[Place, _Note]:
    """Return the comments of a text by the place of their line."""
    try:
        document = tomlkit.parse(text)
    except tomlkit.exceptions.ParseError as error:
        raise ConfigError(f"The lock is not valid TOML: {error}.") from error
    notes: dict[Place, _Note] = {}
    above: list[str] = []
    for place, item in _lines(document, ()):
        if isinstance(item, Comment):
            above.append(item.as_string().strip())
            continue
        notes[place] = _Note(above=[line for line in above if line != HEADER], beside=item.trivia.comment)
        above.clear()
    notes[()] = _Note(above=[line for line in above if line != HEADER])
    return notes


def _lines(container: Container, place: Place) -> Iterator[tuple[Place, Item]]:
    """Yield comments, keys and table headers as they stand, from top to bottom."""
    for key, item in container.body:
        if key is None:
            if isinstance(item, Comment):
                yield place, item
            continue
        inner = (*place, *(part.key for part in key))
        if not isinstance(item, Table):
            yield inner, item
            continue
        if not item.is_super_table():
            yield inner, item
        yield from _lines(item.value, inner)
