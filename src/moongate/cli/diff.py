"""`moongate diff`: what the endpoints list now that they did not when the lock was written, and what they lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.options import Asked, connecting
from moongate.cli.pinned import Answer, answers, asked_for, found, lists_option, lock_option

if TYPE_CHECKING:
    from moongate.catalog.lock import Lock
    from moongate.catalog.verify import Difference
    from moongate.errors import MoongateError


@click.command("diff")
@lock_option
@lists_option
@connecting
def command(asked: Asked, path: Path | None, lists: Path | None) -> int:
    """Show what appeared, went and changed at the lock's endpoints since it was written.

    Of a long list (OpenRouter's) the lock keeps the ids of the pinned models' makers and families, and only those are
    compared. Exit code 0 with or without changes; 3 or 4 when no list could be had.
    """
    _, lock = found(path)
    differences: dict[str, Difference] = {}
    errors: list[MoongateError] = []
    for answer in answers(asked, lock, asked_for(asked, lock), lists):
        difference = _difference(asked, lock, answer)
        if difference is not None:
            differences[answer.provider] = difference
        elif answer.error is not None:
            errors.append(answer.error)
    if errors and not differences:
        raise errors[0]
    if asked.show.json:
        asked.show.document({name: _document(difference) for name, difference in differences.items()})
    else:
        _show(asked, differences)
    return 0


def _difference(asked: Asked, lock: Lock, answer: Answer) -> Difference | None:
    from moongate.catalog.verify import difference

    if answer.row is None or answer.listing is None:
        asked.show.talk(f"warning: {answer.provider} could not be compared: {answer.why}")
        return None
    if answer.provider not in lock.endpoints:
        asked.show.talk(f"note: {answer.provider} has aliases in the lock, but no list to compare with: lock anew")
        return None
    if answer.listing.partial:
        asked.show.talk(f"warning: {answer.provider}: nothing is said to be gone: the list, {answer.listing.partial}")
    return difference(lock.endpoints[answer.provider], answer.row, answer.listing)


def _document(difference: Difference) -> dict[str, Any]:
    return {
        "appeared": list(difference.appeared),
        "gone": list(difference.gone),
        "changed": [
            {"id": change.id, "field": change.field, "from": change.before, "to": change.now}
            for change in difference.changed
        ],
    }


def _show(asked: Asked, differences: dict[str, Difference]) -> None:
    for name, difference in differences.items():
        lines = [f"+ {found}" for found in difference.appeared] + [f"- {gone}" for gone in difference.gone]
        lines += [f"~ {c.id}: {c.field} {_said(c.before)} → {_said(c.now)}" for c in difference.changed]
        for line in lines:
            asked.show.data(f"{name} {line}")
    if not any(d.appeared or d.gone or d.changed for d in differences.values()):
        asked.show.talk("nothing changed")


def _said(value: Any) -> str:
    match value:
        case None:
            return "not said"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return "+".join(value)
        case _:
            return str(value)
