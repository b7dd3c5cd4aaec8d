"""Whether a batch can be worked off here: every line held against the guard, before any of them leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from moongate.batch.blocks import blocks
from moongate.batch.validate import Checks, Fault, Report, validate
from moongate.errors import ModelRefusedError, UsageError
from moongate.facts.models import Model
from moongate.facts.providers import Provider
from moongate.gateway.relay import NOWHERE
from moongate.gateway.seams import Caller, Route, Routes
from moongate.gateway.tenants.records import Wrong

WRONGS_MAX = 100  # that are told of one batch


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """What may be sent for a name: the name itself, which the gateway takes as it is listed here."""

    id: str
    model: Model | None
    row: Provider


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: lines and their model, or what is wrong with them."""

    total: int = 0
    model: str = ""
    provider: str = ""
    wrongs: tuple[Wrong, ...] = ()


class _Body(msgspec.Struct):
    model: str


class _Line(msgspec.Struct):
    body: _Body


async def checked(path: Path, routes: Routes, caller: Caller) -> Checked:
    """Check every line of a file, in a thread. Raises what asking for a model list raises."""
    loop = asyncio.get_running_loop()

    def meant(name: str) -> Meant:
        route: Route = asyncio.run_coroutine_threadsafe(routes.find(name, caller), loop).result()
        return Meant(id=name, model=route.targets[0].model, row=route.targets[0].row)

    return await asyncio.to_thread(_checked, path, meant)


def _checked(path: Path, meant: Callable[[str], Meant]) -> Checked:
    faults: list[Fault] = []

    def keep(fault: Fault) -> None:
        if fault.severity == "error" and len(faults) < WRONGS_MAX:
            faults.append(fault)

    try:
        first = _first(path, meant)
        row = first.row if first is not None else NOWHERE
        with path.open("rb") as stream:
            report: Report = validate(stream, Checks(row=row, permit=meant, native=False), on_fault=keep)
    except UsageError as error:  # a file that cannot be read to its end
        return Checked(wrongs=(Wrong(code="unreadable", message=error.message),))
    if report.ok and first is not None:
        return Checked(total=report.requests, model=first.id, provider=row.name)
    return Checked(wrongs=tuple(map(_wrong, faults)))


def _first(path: Path, meant: Callable[[str], Meant]) -> Meant | None:
    """Return the model of the first line, whose rules the file is held against; None where it has none."""
    with path.open("rb") as stream:
        block = next(blocks(stream), None)
    line: Any = next((line for line in (block.lines if block else ()) if line.strip()), b"")
    try:
        return meant(msgspec.json.decode(line, type=_Line).body.model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ModelRefusedError):
        return None


def _wrong(fault: Fault) -> Wrong:
    return Wrong(code=fault.rule or fault.kind, message=fault.message, param=fault.field, line=fault.line or None)
