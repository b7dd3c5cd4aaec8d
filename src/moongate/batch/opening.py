"""How a job begins: its input checked to the last line, its first events written, all or nothing."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from moongate.batch import aliases
from moongate.batch import events as ev
from moongate.batch.folders import FOLDER, clear, name_for
from moongate.batch.input import Recipe
from moongate.batch.journal import JOURNAL, Journal, look
from moongate.batch.lines import read
from moongate.batch.names import Names
from moongate.batch.posting import post
from moongate.batch.records import Limits
from moongate.batch.source import KEPT, Input, Source, checked, ready, sha256_of
from moongate.batch.split import split
from moongate.batch.state import State
from moongate.batch.upstream import Host, Upstream
from moongate.errors import UsageError


async def open_local(
    host: Host, source: Source, output: Path, *, recipe: Recipe | None, rules: bool, new: bool
) -> Path:
    """Return the folder of the local job of an input and its output, made now or found again.

    Raises UsageError for an input that cannot be run, that changed since, or whose job another process works on;
    ModelRefusedError for a model that is not listed.
    """

    def opened(upstream: Upstream) -> Path:
        with ready(source, recipe, host.data_dir) as found:
            what = found.given or found.sha256
            name = name_for(_stem(found), "local", what, str(output), host.provider.name)
            folder = host.data_dir / FOLDER / name
            known = None if new else _known(folder)
            if known is not None:
                if (known.given_sha256 or known.sha256) != found.sha256:
                    raise _changed(known)
                return folder
            event = _opened(upstream, "local", name, found, rules=rules)
            _cleared(host, folder)
            return _begun(folder, replace(event, output=str(output)), found)

    return await _with_upstream(host, opened)


async def open_remote(
    host: Host, source: Source, *, recipe: Recipe | None, rules: bool, window: str, limits: Limits, new: bool
) -> Path:
    """Return the folder of the remote job of an input, made now, or found again where it is not submitted whole.

    Raises UsageError for an input that is submitted already, unless `new`, and what `open_local` raises.
    """

    def opened(upstream: Upstream) -> Path:
        with ready(source, recipe, host.data_dir) as found:
            more = (secrets.token_hex(8),) if new else ()
            name = name_for(_stem(found), "remote", found.sha256, host.provider.name, *more)
            folder = host.data_dir / FOLDER / name
            if _known(folder) is not None:
                _unfinished(look(folder))
                return folder
            event = _opened(upstream, "remote", name, found, rules=rules)
            event = replace(event, tag=f"{name}-{secrets.token_hex(8)}", window=window)
            _cleared(host, folder)
            return _begun(folder, event, found, limits=limits)

    return await _with_upstream(host, opened)


def _cleared(host: Host, folder: Path) -> None:
    """Forget an earlier job in a folder, but not what it cost."""
    if (folder / JOURNAL).is_file():
        post(folder, host.ledger)
    clear(folder)


def check_unchanged(folder: Path, opened: ev.Opened) -> None:
    """Raise UsageError where a job's input is no longer what it began with."""
    if sha256_of(folder / opened.input) != opened.sha256:
        raise _changed(opened)


def _changed(opened: ev.Opened) -> UsageError:
    """Return the error for an input that is no longer what a job began with."""
    return UsageError(
        f"{opened.source or 'the input'!r} has changed since job {opened.job!r} began with it.",
        advice="Put it back as it was to go on, or start over with --new.",
    )


async def _with_upstream(host: Host, opened: Callable[[Upstream], Path]) -> Path:
    upstream = host.upstream()
    try:
        return await asyncio.to_thread(opened, upstream)
    finally:
        await upstream.close()


def _stem(found: Input) -> str:
    return Path(found.given).stem if found.given else "job"


def _known(folder: Path) -> ev.Opened | None:
    return look(folder).opened if (folder / JOURNAL).is_file() else None


def _opened(upstream: Upstream, mode: ev.Mode, name: str, found: Input, *, rules: bool) -> ev.Opened:
    remote = mode == "remote"
    lines = checked(found, upstream, native=remote, rules=rules)
    price = upstream.price(upstream.allow(lines.model).model, batch=remote)
    return ev.Opened(
        job=name,
        mode=mode,
        provider=upstream.row.name,
        base_url=upstream.row.base_url,
        model=lines.model,
        input=KEPT if found.made else str(found.path),
        source=found.given,
        sha256=found.sha256,
        total=lines.total,
        at=time.time(),
        currency=price.currency if price else "",
        basis=price.basis if price else "",
        aliases=lines.aliases,
    )


def _begun(folder: Path, opened: ev.Opened, found: Input, *, limits: Limits | None = None) -> Path:
    """Make the job's folder and write its first events; with `limits`, the parts it will travel in too."""
    with closing(Journal(folder)) as journal:
        if journal.state.opened is not None:  # another process was quicker
            return folder
        if opened.aliases:
            opened = _spelled_out(folder, opened, found)
        elif found.made:
            found.path.replace(folder / KEPT)
        path = folder / opened.input
        if limits is None:
            journal.note(opened)
            return folder
        with Names(folder) as names:
            names.fill(read(path))
        parts = split(path, limits)
        planned = (ev.Planned(part=part, name=f"moongate-{opened.tag}-{part.number}.jsonl") for part in parts)
        journal.note(opened, *planned)
    return folder


def _spelled_out(folder: Path, opened: ev.Opened, found: Input) -> ev.Opened:
    """Keep the lines in the job's folder as they are sent: with ids for aliases, whatever those mean later."""
    path = folder / KEPT
    aliases.write(found.path, path, opened.aliases)
    if sha256_of(found.path) != found.sha256:
        raise _changed(opened)
    return replace(opened, input=KEPT, sha256=sha256_of(path), given_sha256=found.sha256)


def _unfinished(state: State) -> None:
    """Refuse a job that is submitted whole already."""
    stages = {place.stage for place in state.parts}
    if state.opened is not None and not stages & {"planned", "uploading", "uploaded", "creating", "lost"}:
        raise UsageError(
            f"This file is submitted already, as job {state.opened.job!r} ({state.status}).",
            advice=f"Go on with: moongate batch watch {state.opened.job}. Submit it once more with --new.",
        )
