"""Model lists on disk: one file per endpoint and key, written atomically, private to the user.

A file holds the body as it was received and when; a file that cannot be read counts as absent. Whether a list is
fresh enough is decided in `moongate.catalog.live`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from moongate.errors import StorageError

LEFT_BEHIND_S = 3600.0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one endpoint's list. Times are seconds since the epoch."""

    version: int = 1
    base_url: str
    fingerprint: str  # of the key, or "" without one
    fetched_at: float = 0.0  # 0 when no list was had yet
    attempted_at: float = 0.0  # the last try, good or bad
    body: str = ""
    denied: dict[str, float] = {}  # listed ids that were answered "not found or not permitted", and when


@dataclass(frozen=True, kw_only=True)
class ListCache:
    """The folder of kept lists."""

    folder: Path

    def read(self, base_url: str, fingerprint: str) -> Entry | None:
        """Return what is kept, or None when there is nothing that can be used."""
        entry = _read(self._path(base_url, fingerprint))
        if entry is None or (entry.version, entry.base_url, entry.fingerprint) != (1, base_url, fingerprint):
            return None
        return entry

    def write(self, entry: Entry) -> None:
        """Keep an entry, replacing the one before in one step. Raises StorageError when the disk refuses."""
        path = self._path(entry.base_url, entry.fingerprint)
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".new-")  # created with mode 0600
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(msgspec.json.encode(entry))
                Path(name).replace(path)
                self._sweep()
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def _sweep(self) -> None:
        """Remove what writers that were killed have left behind."""
        for left in self.folder.glob(".new-*"):
            with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                if time.time() - left.stat().st_mtime > LEFT_BEHIND_S:
                    left.unlink()

    @contextlib.contextmanager
    def alone(self, base_url: str, fingerprint: str, *, timeout_s: float) -> Iterator[None]:
        """Hold the endpoint's lock, so that of many processes one fetches and the others find what it brought.

        A lock that cannot be had in time is done without: two lists fetched are better than none.
        """
        from filelock import FileLock, Timeout  # needed only when a list has to be fetched

        lock = FileLock(self._path(base_url, fingerprint).with_suffix(".lock"), timeout=timeout_s, mode=0o600)
        with contextlib.ExitStack() as held:
            with contextlib.suppress(Timeout, OSError):
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                held.enter_context(lock)
            yield

    def seen_elsewhere(self, fingerprint: str, *, besides: str) -> tuple[str, ...]:
        """Return the base urls at which this key got a list before, other than `besides`."""
        entries = (_read(path) for path in sorted(self.folder.glob("*.json")))
        return tuple(
            e.base_url
            for e in entries
            if e and e.fetched_at and e.fingerprint == fingerprint and e.base_url != besides
        )

    def newest(self) -> dict[str, Entry]:
        """Return the last list that was had from each base url, whoever's key it was."""
        found: dict[str, Entry] = {}
        for path in sorted(self.folder.glob("*.json")):
            entry = _read(path)
            if entry is not None and entry.body and entry.version == 1:
                known = found.get(entry.base_url)
                if known is None or entry.fetched_at > known.fetched_at:
                    found[entry.base_url] = entry
        return found

    def _path(self, base_url: str, fingerprint: str) -> Path:
        name = hashlib.sha256(f"{base_url}\n{fingerprint}".encode()).hexdigest()[:32]
        return self.folder / f"{name}.json"


def _read(path: Path) -> Entry | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Entry)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"The list cache in {str(folder)!r} cannot be written: {error.strerror or error}.",
            advice="Free some space, or set MOONGATE_CACHE_DIR to a folder that can be written.",
        ) from error
