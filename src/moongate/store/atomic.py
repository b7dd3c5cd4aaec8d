"""Files that are there whole or not at all: written beside their name, and moved to it in one step."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from moongate.errors import StorageError

BUFFER = 1 << 20  # bytes


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Yield a file to write; at the end it is `path`, on the disk. After an error `path` is what it was before.

    A link is followed; a pipe or a device is written to directly. Raises StorageError when the disk refuses.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        with _explained(path), target.open("wb") as stream:
            yield stream
        return
    new = target.with_name(f".moongate-{secrets.token_hex(8)}.new")
    try:
        with _explained(path):
            with new.open("xb", buffering=BUFFER) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            new.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def write_lines(path: str | Path, lines: Iterable[bytes]) -> int:
    """Write lines to a file in one step; return how many there are. Raises StorageError when the disk refuses."""
    count = 0
    with replacing(path) as file:
        for line in lines:
            file.write(line)
            count += 1
    return count


@contextlib.contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{str(path)!r} cannot be written: {error.strerror or error}.",
            advice="Free some space, or choose another place.",
        ) from error
