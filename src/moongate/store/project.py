"""Where a project's own files are looked for: upward from a folder, and how their TOML is read.

Not above the repository's root or the home folder, and not in a folder that another user owns: such files would be
somebody else's word on what runs here.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moongate.errors import ConfigError


def folders(start: Path, home: Path, *, uid: int | None = None) -> Iterator[Path]:
    """Yield `start` and the folders above it that may hold a project's file; `uid` is whose, ours by default."""
    uid = os.getuid() if uid is None else uid
    for folder in (start, *start.parents):
        if not belongs_to(folder, uid):
            return
        yield folder
        if folder == home or (folder / ".git").exists():
            return


def belongs_to(path: Path, uid: int | None = None) -> bool:
    """Say whether a file or folder is there and belongs to the user."""
    try:
        return path.stat().st_uid == (os.getuid() if uid is None else uid)
    except OSError:
        return False


def toml(path: Path, *, max_bytes: int) -> dict[str, Any]:
    """Return what a TOML file says. Raises ConfigError, with the line where it is broken."""
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise ConfigError(f"{str(path)!r} is larger than {max_bytes} bytes.")
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{str(path)!r} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise ConfigError(f"{str(path)!r} is nested too deeply.") from error
