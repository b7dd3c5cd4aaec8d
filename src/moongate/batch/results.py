"""What came of a job, joined to what was asked: one row for each row of the input, in its order.

Results come as the journal keeps them, `(index, line)` in the order of the input; both sides are read side by side,
so that memory does not grow with either. JSON lines keep the whole answer, CSV its text and its numbers.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from moongate.batch.input import rows
from moongate.batch.template import written
from moongate.errors import UsageError
from moongate.facts.money import Money, Price
from moongate.store.atomic import replacing

Asked = Callable[[], Iterable[Mapping[str, Any]]]  # the rows of the input, from their beginning
Format = Literal["jsonl", "csv"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv")
ANSWER = ("answer", "finish_reason", "error", "prompt_tokens", "completion_tokens")
NO_RESULT = "no_result"  # the kind of error of a line that has no result (yet)


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Error(msgspec.Struct):
    message: str | None = None
    code: str | int | None = None
    type: str | None = None


class _Body(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: _Error | None = None


class _Response(msgspec.Struct):
    status_code: int = 0
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    custom_id: str = ""
    response: _Response | None = None
    error: _Error | None = None


_line = msgspec.json.Decoder(_Line).decode
_body = msgspec.json.Decoder(_Body | None).decode


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a result line says. `kind` is "" for an answer, else the error's code, its type or its HTTP status."""

    custom_id: str = ""
    kind: str = ""
    error: str = ""
    answer: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over all rows, tokens, the cost at `price` where one is known, and errors by kind."""

    rows: int
    answered: int
    failed: int
    missing: int  # without a result so far
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    kinds: dict[str, int]
    cost: Money | None = None
    basis: str | None = None


def format_of(path: str | Path, asked: str | None = None) -> Format:
    """Return the format that was asked for, else the one that the file's name says, JSON lines where it says none."""
    found = asked or ("csv" if Path(path).suffix.lower() == ".csv" else "jsonl")
    if found not in FORMATS:
        raise UsageError(f"{found!r} is no format of results.", advice=f"Use one of {', '.join(FORMATS)}.")
    return found


def rows_asked(
    given: str, names: Callable[[], Iterable[str]], total: int
) -> Callable[[], Iterator[Mapping[str, Any]]]:
    """Return a function of the rows that a job was made of: those of the file that was given, else its custom_ids.

    `given` is the path of what was not a batch file itself, "" for none; `names` yields the custom_ids of the lines,
    `total` is how many. Reading raises UsageError when the file has another number of rows now.
    """

    def read() -> Iterator[Mapping[str, Any]]:
        found: Iterable[Mapping[str, Any]] = (row.values for row in rows(given)) if given else _named(names())
        count = 0
        for count, row in enumerate(found, 1):  # noqa: B007 - counted for what comes after
            yield _named_only(row) if "body" in row and "custom_id" in row else row
        if count != total:
            raise UsageError(
                f"{given!r} has {count} rows, and the job {total} lines: it has changed since.",
                advice="Put it back as it was, or write the results as JSON lines without its rows.",
            )

    return read


def _named(names: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    return ({"custom_id": name} for name in names)


def _named_only(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a line of a packed batch file is called; its body is not repeated."""
    return {"custom_id": line["custom_id"]}


def result_of(line: bytes) -> Result:
    """Return what a result line says. Never raises: a line that cannot be read is an error of its own."""
    try:
        said = _line(line)
        body = _body(said.response.body) if said.response is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Result(kind="unreadable", error=f"the result cannot be read: {error}")
    status = said.response.status_code if said.response is not None else 0
    fault = said.error or (body.error if body else None)
    if fault is not None or body is None or not body.choices or not 200 <= status < 300:
        fault = fault or _Error()
        kind = str(fault.code or fault.type or status or "unreadable")
        return Result(custom_id=said.custom_id, kind=kind, error=fault.message or f"HTTP {status}")
    return _answered(said.custom_id, body)


def joined(
    asked: Iterable[Mapping[str, Any]], results: Iterable[tuple[int, bytes]]
) -> Iterator[tuple[Mapping[str, Any], bytes | None]]:
    """Yield every row with its result line, None where there is none. Results are in the order of their indexes.

    Raises UsageError for a result beyond the last row: then these are not the rows that the job was made of.
    """
    left = iter(results)
    index, line = next(left, (-1, None))
    for place, row in enumerate(asked):
        if place == index:
            yield row, line
            index, line = next(left, (-1, None))
        else:
            yield row, None
    if index >= 0:
        raise UsageError(f"There is a result for row {index + 1}, and no such row: the input has changed.")


def write(
    output: str | Path,
    asked: Asked,
    results: Iterable[tuple[int, bytes]],
    *,
    format: Format,  # noqa: A002 - the word that everybody uses
    price: Price | None = None,
) -> Summary:
    """Write every row with its result to `output` in one step, and return the summary.

    `asked` is called once for JSON lines, twice for CSV: its columns are all that any row has, and those of `ANSWER`.
    Raises StorageError when the disk refuses, UsageError when rows and results do not belong together.
    """
    tally = _Tally()
    with replacing(output) as file:
        if format == "csv":
            _write_csv(file, asked, results, tally)
        else:
            for row, line in joined(asked(), results):
                tally.add(result_of(line) if line is not None else None)
                file.write(_json_line(row, line))
    return tally.summary(price)


class _Tally:
    """Counts results as they go by."""

    def __init__(self) -> None:
        self._rows = self._answered = self._missing = 0
        self._prompt = self._completion = self._cached = 0
        self._kinds: Counter[str] = Counter()

    def add(self, result: Result | None) -> None:
        self._rows += 1
        if result is None:
            self._missing += 1
        elif result.kind:
            self._kinds[result.kind] += 1
        else:
            self._answered += 1
            self._prompt += result.prompt_tokens
            self._completion += result.completion_tokens
            self._cached += result.cached_tokens

    def summary(self, price: Price | None) -> Summary:
        tokens = {
            "prompt_tokens": self._prompt,
            "completion_tokens": self._completion,
            "cached_tokens": self._cached,
        }
        return Summary(
            rows=self._rows,
            answered=self._answered,
            failed=self._kinds.total(),
            missing=self._missing,
            kinds=dict(self._kinds.most_common()),
            cost=price.cost(**tokens) if price else None,
            basis=price.basis if price else None,
            **tokens,
        )


def _answered(custom_id: str, body: _Body) -> Result:
    choice, usage = body.choices[0], body.usage or _Usage()
    cached = usage.cached_tokens or (usage.prompt_tokens_details or _Details()).cached_tokens
    return Result(
        custom_id=custom_id,
        answer=(choice.message.content if choice.message else None) or "",
        finish_reason=choice.finish_reason or "",
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=cached or 0,
    )


def _json_line(row: Mapping[str, Any], line: bytes | None) -> bytes:
    """Return a result line with the row it answers as `input`, the line as it is where the row says nothing more."""
    if line is None:
        error = {"code": NO_RESULT, "message": "there is no result for this line"}
        name = row.get("custom_id")
        line = msgspec.json.encode({"id": name, "custom_id": name, "response": None, "error": error})
    line = line.strip()
    if row.keys() <= {"custom_id"}:
        return line + b"\n"
    return line[:-1] + b',"input":' + msgspec.json.encode(row) + b"}\n"


def _write_csv(file: Any, asked: Asked, results: Iterable[tuple[int, bytes]], tally: _Tally) -> None:
    columns = list(dict.fromkeys(name for row in asked() for name in row))
    names = [_apart(name, columns) for name in ANSWER]
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([*columns, *names])
    for row, line in joined(asked(), results):
        result = result_of(line) if line is not None else None
        tally.add(result)
        writer.writerow([*(written(row.get(name)) for name in columns), *_cells(result)])
    text.detach()


def _apart(name: str, columns: Collection[str]) -> str:
    """Return a name for a column that no row has."""
    while name in columns:
        name = f"model_{name}"
    return name


def _cells(result: Result | None) -> tuple[str | int, ...]:
    if result is None:
        return "", "", NO_RESULT, "", ""
    if result.kind:
        return "", "", f"{result.kind}: {result.error}", "", ""
    return result.answer, result.finish_reason, "", result.prompt_tokens, result.completion_tokens
