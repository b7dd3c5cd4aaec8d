"""`moongate verify`: whether what the lock pins still holds, for continuous integration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.options import Asked, connecting
from moongate.cli.pinned import answers, asked_for, found, lists_option, lock_option, rows_for
from moongate.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from moongate.catalog.lock import Lock
    from moongate.catalog.verify import PinStatus


@click.command("verify")
@lock_option
@lists_option
@click.option("--offline", is_flag=True, help="Ask nobody: check only that the lock and its ids are well formed.")
@click.option("--strict", is_flag=True, help="Fail, with exit code 4, when a pin could not be verified.")
@connecting
def command(asked: Asked, path: Path | None, lists: Path | None, offline: bool, strict: bool) -> int:
    """Check every pin of moongate.lock against its endpoint's list, asked for now.

    Exit code 1 when a pinned id is no longer listed, became floating or lost a capability. A list that cannot be had,
    or not whole, proves nothing: its pins are "unverified", which is said on stderr and passes unless --strict.
    """
    if offline and lists is not None:
        raise UsageError("--offline looks at no list, and --lists names some.", advice="Give one of the two.")
    path, lock = found(path)
    pins = list(_form(asked, lock) if offline else _statuses(asked, lock, lists))
    code = _code(pins, strict=strict)
    if asked.show.json:
        asked.show.document({"ok": code == 0, "pins": [_document(pin) for pin in pins]})
    else:
        columns = ("provider", "id", "alias", "status", "detail")
        asked.show.table(columns, [tuple(_document(pin)[name] or "" for name in columns) for pin in pins])
    asked.show.talk(f"{path}: {_summary(pins)}")
    return code


def _statuses(asked: Asked, lock: Lock, lists: Path | None) -> Iterator[PinStatus]:
    from moongate.catalog.verify import unverified, verified

    for answer in answers(asked, lock, asked_for(asked, lock), lists):
        if answer.row is not None and answer.listing is not None:
            yield from verified(lock, answer.row, answer.listing)
        else:
            asked.show.talk(f"warning: {answer.provider} could not be verified: {answer.why}")
            yield from unverified(lock, answer.provider, answer.why)


def _form(asked: Asked, lock: Lock) -> Iterator[PinStatus]:
    from moongate.catalog.verify import well_formed

    rows = rows_for(asked, lock)
    for name in asked_for(asked, lock):
        yield from well_formed(lock, name, rows[name])


def _code(pins: list[PinStatus], *, strict: bool) -> int:
    from moongate.catalog.verify import BROKEN

    statuses = {pin.status for pin in pins}
    if statuses & BROKEN:
        return 1
    return UnavailableError.exit_code if strict and "unverified" in statuses else 0


def _document(pin: PinStatus) -> dict[str, Any]:
    return {
        "provider": pin.provider,
        "id": pin.id,
        "alias": pin.alias,
        "status": pin.status,
        "detail": pin.detail,
    }


def _summary(pins: list[PinStatus]) -> str:
    """Return e.g. "2 hold, 1 unverified"."""
    counts = Counter(pin.status for pin in pins)
    words = [f"{counts['holds']} hold" if counts["holds"] != 1 else "1 holds"] if counts["holds"] else []
    words += [f"{counts[s]} {s}" for s in ("gone", "changed", "floating", "unverified") if counts[s]]
    return ", ".join(words) or "nothing is pinned"
