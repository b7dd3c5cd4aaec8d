"""The evidence file of a run: one dated JSON document, without keys, account ids or what the account holds.

The place is tried before any money is spent; the file appears, whole, when the run has ended.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from moongate import __version__
from moongate.acceptance.kit import Kit, Result
from moongate.errors import StorageError
from moongate.facts.money import Money


def document(kit: Kit, results: Sequence[Result], *, at: str) -> dict[str, Any]:
    """Return the document: what was asked of whom, what it cost, and every fact with its requests."""
    stopped = kit.stopped
    return {
        "kit": 1,
        "moongate": __version__,
        "at": at,
        "provider": kit.row.name,
        "base_url": kit.row.base_url,
        "model": kit.subject.model,
        "currency": kit.purse.cap.currency,
        "max_cost": kit.purse.cap.amount,
        "cost": kit.purse.spent.amount,
        "price_basis": kit.basis,
        "balance_fell_by": _amount(kit.fell_by),
        "unlisted_ids_sent": list(kit.unlisted),
        "stopped": None if stopped is None else stopped.kind,
        "facts": [dataclasses.asdict(result) | {"cost": _amount(result.cost)} for result in results],
    }


def _amount(money: Money | None) -> str | None:
    return None if money is None else money.amount


def default_path(provider: str) -> Path:
    """Return a name in the working directory that tells provider and time."""
    return Path(f"moongate-acceptance-{provider}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json")


class EvidenceFile:
    """A place for evidence, tried when it is made. Raises StorageError where nothing can be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._write(b"")

    def keep(self, value: dict[str, Any]) -> None:
        """Write the document and put it into its place; an older file there is replaced."""
        self._write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
        self._part.replace(self.path)

    def _write(self, content: bytes) -> None:
        try:
            with os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
        except OSError as error:
            raise StorageError(
                f"The evidence cannot be written to {str(self.path)!r}: {error.strerror or error}.",
                advice="Nothing was sent that costs. Choose another place with -o.",
            ) from error
