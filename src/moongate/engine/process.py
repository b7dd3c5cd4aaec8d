"""What every child process of this room gets and how it ends: an environment without keys, and no leftovers.

It does not start anything.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables a child may see: all but those named like a key (`MOONSHOT_API_KEY`, `AIMLAPI_KEY`)."""
    return {name: value for name, value in environment.items() if not name.upper().endswith("_KEY")}


def inherited() -> dict[str, str]:
    """Return this process's own environment without keys: children need its PATH, locale and pip settings."""
    return without_keys(os.environ)


def end(process: subprocess.Popen[bytes], *, grace_s: float = 2.0) -> None:
    """End a child for certain: its input closes, then SIGTERM, then SIGKILL, `grace_s` seconds apart."""
    if process.stdin is not None:
        process.stdin.close()
        if _gone(process, grace_s):
            return _close(process)
    process.terminate()
    if not _gone(process, grace_s):
        process.kill()
        process.wait()
    return _close(process)


def _gone(process: subprocess.Popen[bytes], within_s: float) -> bool:
    try:
        process.wait(timeout=within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
