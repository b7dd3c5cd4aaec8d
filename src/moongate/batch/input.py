"""Where the lines of a batch come from, when they are not a batch file already: rows of a table, or a program.

Rows are CSV, TSV or JSON lines; each becomes one request by a `Recipe`: a prompt template, a model, parameters. The
rows stay where they are and in their order, so that answers can be joined to them again. One row is in memory at a
time.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sized
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from moongate.batch.blocks import blocks, opened
from moongate.batch.template import Template, unknown
from moongate.batch.validate.judge import Unreadable, read
from moongate.errors import UsageError
from moongate.facts.batches import ENDPOINT, METHOD

TABLES = (".csv", ".tsv")
ID_COLUMN = "custom_id"  # used for what it says where a row has it
LONGEST_CELL = 16 << 20  # characters; a quote that is never closed swallows the rest of a file
_DELIMITERS = (",", ";", "\t")


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a row becomes a request. Texts may name columns; see `moongate.batch.template`.

    Without a template, an iterable's items are prompts or whole requests. `id_column` is the column that names a
    row; else `custom_id` does, where there is one, else its place: row-1, row-2, …
    """

    model: str
    template: str | None = None
    system: str | None = None
    id_column: str | None = None
    parameters: Mapping[str, Any] = {}  # of every body: max_tokens, thinking, …


class Row(NamedTuple):
    """One row and where it stands: the number of its first line in a file, from 1; of an item, its place."""

    number: int
    values: Mapping[str, Any]


def is_table(path: str | Path) -> bool:
    """Say whether a file is one of rows by its name, packed or not."""
    return str(path).lower().removesuffix(".gz").endswith(TABLES)


def rows(path: str | Path) -> Iterator[Row]:
    """Yield the rows of a CSV or TSV file, by its name, or of one of JSON lines; blank lines are none.

    Raises UsageError, which names the line, for one that is no row: not UTF-8, not JSON, too few or too many cells.
    """
    found = _table(path) if is_table(path) else _objects(path)
    try:
        yield from found
    except UsageError as error:
        error.message = f"{str(path)!r}: {error.message}"
        raise


def lines(items: Iterable[Row], recipe: Recipe) -> Iterator[bytes]:
    """Yield the batch line of each row. Raises UsageError, which names the row's line, for an unknown column."""
    maker = _Maker(recipe)
    for place, row in enumerate(items, 1):
        try:
            yield maker.line(row.values, place)
        except UsageError as error:
            error.message = f"Line {row.number}: {error.message}"
            raise


def lines_of(items: Iterable[Any], recipe: Recipe) -> Iterator[bytes]:
    """Yield the batch line of each item of a program's.

    An item is a prompt (a text), a row for the recipe's template (a mapping), a body (a mapping with `messages`), or
    a whole line (a mapping with `custom_id` and `body`). Raises UsageError, which names the item, for anything else.
    """
    maker = _Maker(recipe)
    for place, item in enumerate(items, 1):
        try:
            yield maker.item(item, place)
        except UsageError as error:
            error.message = f"Item {place}: {error.message}"
            raise


class _Maker:
    """Makes lines by one recipe."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._prompt = Template.of(recipe.template) if recipe.template is not None else None
        self._system = Template.of(recipe.system) if recipe.system is not None else None

    def line(self, row: Mapping[str, Any], place: int) -> bytes:
        if self._prompt is None:
            raise UsageError(
                "Rows need a template.", advice="Say what to ask of each: --template 'Translate {text}.'"
            )
        return self._line(row, self._prompt.filled(row), self._name(row, place))

    def item(self, item: Any, place: int) -> bytes:
        if isinstance(item, str):
            return self._line({}, item, f"row-{place}")
        if not isinstance(item, Mapping):
            raise UsageError(f"It is neither a text nor a mapping, but {type(item).__name__}.")
        if "body" in item and ID_COLUMN in item:
            return _encoded({"method": METHOD, "url": ENDPOINT, **item})
        if "messages" in item:
            name = item.get(ID_COLUMN, f"row-{place}")
            own = {key: value for key, value in item.items() if key != ID_COLUMN}
            return self._request(name, {"model": self._recipe.model, **self._recipe.parameters, **own})
        return self.line(item, place)

    def _line(self, row: Mapping[str, Any], prompt: str, name: Any) -> bytes:
        messages = [] if self._system is None else [{"role": "system", "content": self._system.filled(row)}]
        messages.append({"role": "user", "content": prompt})
        return self._request(name, {"model": self._recipe.model, "messages": messages, **self._recipe.parameters})

    def _request(self, name: Any, body: Mapping[str, Any]) -> bytes:
        return _encoded({"custom_id": str(name), "method": METHOD, "url": ENDPOINT, "body": body})

    def _name(self, row: Mapping[str, Any], place: int) -> Any:
        column = self._recipe.id_column
        if column is not None and column not in row:
            raise unknown(column, row)
        name = row.get(column or ID_COLUMN)
        if name in (None, ""):
            if column is not None:
                raise UsageError(f"Its {column!r} is empty, and is to name it.")
            return f"row-{place}"
        return name


def _encoded(value: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(value) + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"It cannot be written as JSON: {error}.") from error


def _objects(path: str | Path) -> Iterator[Row]:
    """Yield rows that are JSON objects, a line each."""
    for number, line in _numbered(path):
        if line.strip():
            try:
                yield Row(number, read(line))
            except Unreadable as error:
                raise UsageError(f"Line {number}: {error.said}.") from error


def _table(path: str | Path) -> Iterator[Row]:
    """Yield rows of cells, named by the header."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))  # the process's; its default is a short prompt
    texts = _texts(path)
    first = next(texts, "")
    delimiter = "\t" if ".tsv" in Path(path).suffixes else max(_DELIMITERS, key=first.count)
    reader = csv.reader(_chained(first, texts), delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UsageError(f"Line {number}: {error}.", advice="Is a quotation mark not closed?") from error
        if cells is None:
            return
        if not cells:
            continue
        if not header:
            header = _header(cells)
        elif len(cells) != len(header):
            have, named = _counted(cells, "cell"), _counted(header, "column")
            raise UsageError(f"Line {number} has {have}; the header names {named}.")
        else:
            yield Row(number, dict(zip(header, cells, strict=True)))


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = next((name for name in names if names.count(name) > 1 or not name), None)
    if twice is not None:
        said = f"names {twice!r} twice" if twice else "has a column without a name"
        raise UsageError(f"The header {said}: {', '.join(names)}.")
    return names


def _texts(path: str | Path) -> Iterator[str]:
    for number, line in _numbered(path):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"Line {number} is not UTF-8.", advice="Save the table as UTF-8.") from error
        if "\0" in text:
            raise UsageError(f"Line {number} holds a NUL byte.", advice="Save the table as UTF-8 text.")
        yield text


def _numbered(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file with their numbers, the first one without its byte order mark."""
    with opened(path) as file:
        for block in blocks(file):
            if block.too_long:
                raise UsageError(f"Line {block.first} has {block.size} bytes, more than a request may have.")
            for number, line in enumerate(block.lines, block.first):
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _counted(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
