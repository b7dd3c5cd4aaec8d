"""Pinned aliases in a batch file: the listed ids in their place, and not another byte changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from moongate.batch.blocks import opened
from moongate.store.atomic import replacing
from moongate.wire.peek import pairs_in

_NAMING = ("model", "models")


def write(source: Path, target: Path, ids: Mapping[str, str]) -> None:
    """Write a checked batch file to `target` with the id of each alias in its place; readable for its owner only.

    Raises UsageError when the source cannot be read, StorageError when the disk refuses.
    """
    with opened(source) as lines, replacing(target) as file:
        for line in lines:
            file.write(spelled_out(line, ids) if line.strip() else line)
    target.chmod(0o600)


def spelled_out(line: bytes, ids: Mapping[str, str]) -> bytes:
    """Return a line with the listed id wherever its body names an alias.

    Raises RequestRefusedError for a line that is no JSON object.
    """
    for body in pairs_in(line):
        if body.key != "body":
            continue
        inner = line[body.start : body.end]
        for pair in reversed(pairs_in(inner)):  # from behind: what stands before keeps its place
            if pair.key in _NAMING:
                inner = inner[: pair.start] + _meant(inner[pair.start : pair.end], ids) + inner[pair.end :]
        return line[: body.start] + inner + line[body.end :]
    return line


def _meant(value: bytes, ids: Mapping[str, str]) -> bytes:
    named = msgspec.json.decode(value)
    meant = [ids.get(name, name) for name in named] if isinstance(named, list) else ids.get(named, named)
    return value if meant == named else msgspec.json.encode(meant)
