"""Write what is beyond doubt: the edits that findings carry, and nothing else. A door to the disk."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from moongate.errors import StorageError
from moongate.lint.finding import Edit, Finding
from moongate.store.atomic import replacing


def edits_of(findings: Iterable[Finding]) -> list[Edit]:
    """Return the edits of findings in the order of the file; of two that overlap only the first."""
    kept: list[Edit] = []
    for edit in sorted({e for f in findings for e in f.edits}, key=lambda e: (e.start, e.end, e.text)):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept


def mended(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return a content with its edits made; every byte outside their spans is as it was."""
    pieces: list[bytes] = []
    at = 0
    for edit in edits:
        pieces += [data[at : edit.start], edit.text.encode()]
        at = edit.end
    return b"".join([*pieces, data[at:]])


def write(path: str, before: bytes, after: bytes) -> None:
    """Put a content in a file's place in one step, with its mode. Raises StorageError; not over somebody's change."""
    file = Path(path)
    try:
        mode, now = file.stat().st_mode & 0o7777, file.read_bytes()
    except OSError as error:
        raise StorageError(f"{path!r} cannot be read again: {error.strerror or error}.") from error
    if now != before:
        raise StorageError(f"{path!r} changed while it was looked at.", advice="Run the same command again.")
    with replacing(file) as new:
        os.fchmod(new.fileno(), mode)
        new.write(after)


def diff(path: str, before: bytes, after: bytes) -> Iterator[str]:
    """Yield the lines of a unified diff, without their line ends."""
    old, new = (data.decode("utf-8", "replace").split("\n") for data in (before, after))
    yield from (
        line.rstrip("\n")
        for line in difflib.unified_diff(old, new, f"a/{path.lstrip('/')}", f"b/{path.lstrip('/')}", lineterm="", n=2)
    )
