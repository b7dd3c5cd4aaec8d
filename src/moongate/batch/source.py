"""What a job is made of: a batch file that stays where it is, or lines made of something else, kept in its folder.

Every line is checked before anything is sent, by `moongate.batch.validate`.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from moongate.batch.blocks import opened
from moongate.batch.folders import FOLDER
from moongate.batch.input import Recipe, lines, lines_of, rows
from moongate.batch.upstream import Upstream
from moongate.batch.validate import Checks, Fault, Permitted, Report, validate
from moongate.errors import ModelRefusedError, UsageError
from moongate.store.atomic import write_lines
from moongate.store.sqlite import explained

Source = str | Path | Iterable[Any]
KEPT = "input.jsonl"  # the file of made lines in a job's folder
_GZIP = b"\x1f\x8b"


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A batch file, ready to be read: where it is, its SHA-256, and what the user gave."""

    path: Path
    sha256: str
    given: str  # a path; "" for what a program handed over
    made: bool  # whether the file is ours, to be moved into the job's folder


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A batch file that can be sent: how many lines it has, and the model that they name, some by an alias."""

    total: int
    model: str
    aliases: dict[str, str]  # and the listed id of each


@contextlib.contextmanager
def ready(source: Source, recipe: Recipe | None, data_dir: Path) -> Iterator[Input]:
    """Yield a source as a batch file. One that was made for it is gone afterwards, unless it was moved.

    Raises UsageError for rows that cannot become lines, and for a file that cannot be read.
    """
    given = str(Path(source).absolute()) if isinstance(source, str | Path) else ""
    if given and recipe is None and not _is_packed(Path(given)):
        yield Input(path=Path(given), sha256=sha256_of(Path(given)), given=given, made=False)
        return
    folder = data_dir / FOLDER
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f".{secrets.token_hex(8)}.jsonl"
    try:
        write_lines(path, _lines(source, recipe))
        path.chmod(0o600)
        yield Input(path=path, sha256=sha256_of(path), given=given, made=True)
    finally:
        path.unlink(missing_ok=True)


def checked(found: Input, upstream: Upstream, *, native: bool, rules: bool) -> Checked:
    """Check every line of a batch file.

    `native` says that it is for the provider's batch API, `rules` whether the model's parameters are looked at.
    Raises ModelRefusedError where every line names a model that may not be sent, UsageError for any other fault.
    """
    refused: list[ModelRefusedError] = []
    aliases: dict[str, str] = {}
    faults: list[Fault] = []

    def allowed(name: str) -> Permitted:
        try:
            permitted = upstream.allow(name)
        except ModelRefusedError as error:
            refused.append(error)
            raise
        if permitted.id != name and name in upstream.aliases:
            aliases[name] = permitted.id
        return permitted

    def keep(fault: Fault) -> None:
        if fault.severity == "error" and not faults:
            faults.append(fault)

    checks = Checks(row=upstream.row, permit=allowed, native=native, parameters=rules, aliases=upstream.aliases)
    with opened(found.path) as stream:
        report = validate(stream, checks, on_fault=keep)
    if report.ok:
        (model,) = report.models
        return Checked(total=report.requests, model=model, aliases=aliases)
    if report.kinds.get("model") == report.requests and (refused or report.models):
        raise refused[0] if refused else ModelRefusedError(str(_refusal(found, report, faults[0])))
    raise _refusal(found, report, faults[0])


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as it lies there. Raises UsageError when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    return digest.hexdigest()


def _refusal(found: Input, report: Report, first: Fault) -> UsageError:
    place = f"line {first.line}: " if first.line else ""
    more = f" (and {report.errors - 1} more)" if report.errors > 1 else ""
    return UsageError(
        f"{found.given or 'the input'!r} cannot be sent: {place}{first.message}{more}. Nothing was sent.",
        advice="`moongate batch validate` shows every fault, and --fix mends what can be mended.",
    )


def _is_packed(path: Path) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(2) == _GZIP
    return False


def _lines(source: Source, recipe: Recipe | None) -> Iterable[bytes]:
    if not isinstance(source, str | Path):
        if recipe is None:
            raise UsageError("Items of a program need a recipe.", advice="Pass recipe=Recipe(model=…).")
        return lines_of(source, recipe)
    return lines(rows(source), recipe) if recipe is not None else _unpacked(Path(source))


def _unpacked(path: Path) -> Iterator[bytes]:
    with opened(path) as file:
        yield from file
