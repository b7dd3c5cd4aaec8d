"""How a job begins: its file read through, its model permitted, its first events written, all or nothing."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from moongate.batch import events as ev
from moongate.batch.folders import FOLDER, clear, name_for
from moongate.batch.journal import Journal
from moongate.batch.lines import Survey, read, survey
from moongate.batch.names import Names
from moongate.batch.records import Limits
from moongate.batch.split import split
from moongate.batch.state import State
from moongate.batch.upstream import Host, Upstream
from moongate.errors import UsageError


async def open_local(host: Host, path: Path, output: Path, *, new: bool) -> Path:
    """Return the folder of the local job of a batch file and its output, made now or found again.

    Raises UsageError for a file that cannot be run, that changed since, or whose job another process works on.
    """
    row = host.provider
    name = name_for(path.stem, "local", str(path), str(output), row.name)
    folder = host.data_dir / FOLDER / name
    found = await asyncio.to_thread(survey, path)
    upstream = host.upstream()
    try:
        opened = await _opened(upstream, "local", name, path, found)
    finally:
        await upstream.close()
    if new:
        await asyncio.to_thread(clear, folder)
    return await asyncio.to_thread(_made_local, folder, replace(opened, output=str(output)))


async def open_remote(host: Host, path: Path, *, window: str, limits: Limits, new: bool) -> Path:
    """Return the folder of the remote job of a batch file, made now, or found again where it is not submitted whole.

    Raises UsageError for a file that is submitted already, unless `new`.
    """
    found = await asyncio.to_thread(survey, path)
    row = host.provider
    more = (secrets.token_hex(8),) if new else ()
    name = name_for(path.stem, "remote", found.sha256, row.name, *more)
    upstream = host.upstream()
    try:
        opened = await _opened(upstream, "remote", name, path, found)
    finally:
        await upstream.close()
    opened = replace(opened, tag=f"{name}-{secrets.token_hex(8)}", window=window)
    return await asyncio.to_thread(_made_remote, host.data_dir / FOLDER / name, opened, limits)


async def _opened(upstream: Upstream, mode: ev.Mode, name: str, path: Path, found: Survey) -> ev.Opened:
    if len(found.models) != 1:
        raise UsageError(
            f"{str(path)!r} names {len(found.models)} models: {', '.join(found.models)}.",
            advice="One model per file: `moongate batch validate` shows the lines.",
        )
    model = await upstream.permit(found.models[0])
    price = upstream.price(model, batch=mode == "remote")
    return ev.Opened(
        job=name,
        mode=mode,
        provider=upstream.row.name,
        base_url=upstream.row.base_url,
        model=found.models[0],
        input=str(path),
        sha256=found.sha256,
        total=found.total,
        at=time.time(),
        currency=price.currency if price else "",
        basis=price.basis if price else "",
    )


def _made_local(folder: Path, opened: ev.Opened) -> Path:
    with closing(Journal(folder)) as journal:
        known = journal.state.opened
        if known is None:
            journal.note(opened)
        elif known.sha256 != opened.sha256:
            raise changed(known)
    return folder


def changed(opened: ev.Opened) -> UsageError:
    """Return the error for a file that is no longer what a job began with."""
    return UsageError(
        f"{opened.input!r} has changed since job {opened.job!r} began with it.",
        advice="Put it back as it was to go on, or start over with --new.",
    )


def _made_remote(folder: Path, opened: ev.Opened, limits: Limits) -> Path:
    path = Path(opened.input)
    with closing(Journal(folder)) as journal:
        if journal.state.opened is not None:
            _unfinished(journal.state)
            return folder
        parts = list(split(path, limits))
        with Names(folder) as names:
            names.fill(read(path))
        planned = (ev.Planned(part=part, name=f"moongate-{opened.tag}-{part.number}.jsonl") for part in parts)
        journal.note(opened, *planned)
    return folder


def _unfinished(state: State) -> None:
    """Refuse a job that is submitted whole already."""
    stages = {place.stage for place in state.parts}
    if state.opened is not None and not stages & {"planned", "uploading", "uploaded", "creating", "lost"}:
        raise UsageError(
            f"This file is submitted already, as job {state.opened.job!r} ({state.status}).",
            advice=f"Go on with: moongate batch watch {state.opened.job}. Submit it once more with --new.",
        )
