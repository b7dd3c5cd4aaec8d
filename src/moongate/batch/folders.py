"""Where jobs are kept, and what they are called.

A local job is named after its arguments, so that the same command finds it again; a remote one after its content, so
that the same file is not submitted twice.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from moongate.batch.journal import JOURNAL, Journal
from moongate.errors import UsageError

FOLDER = "batches"


def name_for(stem: str, *what: str) -> str:
    """Return a job's name: readable, and the same for the same things."""
    plain = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:32] or "job"
    digest = hashlib.sha256("\0".join(what).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{plain}-{digest[:8]}"


def folder_of(data_dir: Path, name: str) -> Path:
    """Return the folder of a job. Raises UsageError for what is no name, or the name of no job."""
    folder = data_dir / FOLDER / name
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) or not (folder / JOURNAL).is_file():
        raise UsageError(f"There is no batch job {name!r}.", advice="`moongate batch list` shows those there are.")
    return folder


def folders(data_dir: Path) -> Iterator[Path]:
    """Yield the folders of all jobs, the one begun last first."""
    found = [path.parent for path in (data_dir / FOLDER).glob(f"*/{JOURNAL}")]
    yield from sorted(found, key=lambda path: path.stat().st_ctime, reverse=True)


def clear(folder: Path) -> None:
    """Forget a job. Raises UsageError while a process works on it."""
    if folder.exists():
        Journal(folder).close()
        shutil.rmtree(folder)
