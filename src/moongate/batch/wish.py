"""The wish to give a job up, left for the process that works on it: a file beside the lock, looked for by it."""

from __future__ import annotations

from pathlib import Path

from moongate.store.sqlite import explained

FILE = "cancel"
LOOK_EVERY_S = 0.25


def leave(folder: Path) -> None:
    """Leave the wish in a job's folder. Raises StorageError."""
    with explained(folder / FILE):
        (folder / FILE).touch(mode=0o600)


def left(folder: Path) -> bool:
    """Say whether there is one."""
    return (folder / FILE).exists()


def clear(folder: Path) -> None:
    """Take it away: the job is given up, or was taken up again. Raises StorageError."""
    with explained(folder / FILE):
        (folder / FILE).unlink(missing_ok=True)
