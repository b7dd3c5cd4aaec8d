"""`moongate lock`: pin ids at every endpoint in use, from the lists that they send now."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.options import Asked, connecting
from moongate.cli.pinned import live, lock_option, nearest, one_is_named
from moongate.errors import ProviderChoiceError, UsageError

if TYPE_CHECKING:
    from moongate.catalog.lock import Lock
    from moongate.catalog.pinning import Listed, Plan, Proposal, Used
    from moongate.settings.load import Settings


@click.command("lock")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--from-code", is_flag=True, help="Pin the ids that the project's code uses, as the linter finds them.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--all", "everywhere", is_flag=True, help="Look at every list that can be had, not only at yours.")
@lock_option
@connecting
def command(
    asked: Asked, names: tuple[str, ...], from_code: bool, yes: bool, everywhere: bool, path: Path | None
) -> int:
    """Pin model ids in moongate.lock, at each endpoint that you use, after asking.

    NAME is any spelling of a model ("k2.6", "kimi-k2.6", another endpoint's id), or ALIAS=NAME for a name of your
    own; the counterpart at each endpoint comes from its live list. --from-code pins the ids in the files beside and
    below the lock, each at the endpoint that the code means. Without either, what is pinned is looked up anew. Exit
    code 1 when something is pinned nowhere, or when you say no.
    """
    from moongate.catalog import lock as locks
    from moongate.catalog.lock_text import save
    from moongate.catalog.pinning import pinned

    path = path or nearest() or Path.cwd() / locks.FILE_NAME
    before = locks.read(path) if path.exists() else locks.Lock()
    if not (names or from_code or before.providers):
        raise UsageError("There is nothing to pin.", advice="Name a model: moongate lock kimi-k2.6")
    lists = _lists(asked, before, everywhere=everywhere)
    plan = _plan(before, names, lists, code=list(_used(asked, path.parent, before)) if from_code else None)
    after = pinned(before, plan.proposals, lists, renew=not (names or from_code))
    if not path.exists():
        after = _with_default(asked, after)
    asked.show.notes(plan.absent)
    written = after != before and bool(after.providers)
    if written and not yes:
        written = _agreed(asked, plan, path)
    if written:
        save(path, after)
    _tell(asked, plan, path, written=written)
    return 0 if (written or after == before) and not plan.unmet else 1


def _lists(asked: Asked, before: Lock, *, everywhere: bool) -> list[Listed]:
    """Return the endpoints in use with their lists. Raises the first error when no list can be had."""
    from moongate.catalog.pinning import Listed

    found: list[Listed] = []
    errors = []
    for settings in _endpoints(asked, before, everywhere=everywhere):
        answer = live(settings, settings.row.name)
        if answer.row is not None and answer.listing is not None:
            found.append(Listed(row=answer.row, listing=answer.listing))
        elif answer.error is not None:
            errors.append(answer.error)
            asked.show.talk(f"warning: {answer.provider} is left out: {answer.why}")
    if not found:
        raise errors[0]
    return found


def _endpoints(asked: Asked, before: Lock, *, everywhere: bool) -> list[Settings]:
    from moongate.settings.load import all_rows, load_all, load_configured

    if one_is_named(asked):
        if asked.settings.is_local:
            raise UsageError("The embedded model is not pinned: its id comes with its weights.")
        return [asked.settings]
    flags = asked.settings_flags()
    known = all_rows(flags)
    found = load_configured(flags, besides=[name for name in before.providers if name in known])
    if everywhere:
        named = {settings.row.name for settings in found}
        found += [settings for settings in load_all(flags) if settings.row.name not in named]
    if not found:
        raise ProviderChoiceError(
            "No endpoint is set up here.", advice="Name one with -p, or look at every public list with --all."
        )
    return found


def _plan(before: Lock, names: tuple[str, ...], lists: list[Listed], *, code: list[Used] | None) -> Plan:
    from moongate.catalog import pinning

    plan = pinning.Plan() if names or code is not None else pinning.again(before, lists)
    for name in names:
        plan = plan.and_(pinning.named(name, before, lists))
    if code is not None:
        plan = plan.and_(pinning.used(code, before, lists))
    return plan


def _used(asked: Asked, folder: Path, before: Lock) -> Iterator[Used]:
    """Yield the ids that the code below a folder uses, as the linter finds them and as far as it looks."""
    from moongate.catalog.pinning import Used
    from moongate.lint.find import uses_in
    from moongate.lint.gather import gather
    from moongate.lint.options import options_from
    from moongate.settings.load import load_project

    project = load_project(asked.settings_flags())
    options = options_from(project.lint, where=project.lint_from)
    knowledge, _ = gather(rows=project.rows, lock=before, aliases=project.aliases, default=project.provider)
    for use in uses_in([os.path.relpath(folder)], knowledge, exclude=options.exclude):
        yield Used(provider=use.provider, id=use.id, path=use.path, line=use.line)


def _with_default(asked: Asked, lock: Lock) -> Lock:
    """Return a new lock with the provider that is meant where the code names none, if it is clear which."""
    import msgspec

    try:
        name = asked.settings.row.name
    except ProviderChoiceError:
        return lock
    return msgspec.structs.replace(lock, default=name) if name in lock.providers else lock


def _agreed(asked: Asked, plan: Plan, path: Path) -> bool:
    """Show what would be pinned and ask. Raises UsageError where there is nobody to ask."""
    if not asked.show.json:
        _table(asked, plan)
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            f"Nothing was written to {str(path)!r}: there is no terminal to ask at.", advice="Say --yes to write."
        )
    return click.confirm(f"Write this to {path}?", default=True, err=True)


def _tell(asked: Asked, plan: Plan, path: Path, *, written: bool) -> None:
    if asked.show.json:
        pins = [_document(found) for found in plan.proposals]
        asked.show.document({"path": str(path), "written": written, "pins": pins, "unmet": list(plan.unmet)})
    for found in plan.proposals:
        if found.pin.floating:
            asked.show.talk(f"note: {found.id!r} at {found.provider} floats: it is re-pointed to newer models")
    asked.show.talk(f"wrote {path}" if written else f"nothing was written to {path}")


def _table(asked: Asked, plan: Plan) -> None:
    columns = ("name", "provider", "id", "context", "input", "reasoning")
    asked.show.table(columns, [_row(found) for found in plan.proposals])


def _row(found: Proposal) -> tuple[str, ...]:
    pin = found.pin
    reasoning = {True: "yes", False: "no", None: "?"}[pin.reasoning]
    context = str(pin.context or "?")
    return (found.alias or found.id, found.provider, found.id, context, ", ".join(pin.inputs or ("?",)), reasoning)


def _document(found: Proposal) -> dict[str, Any]:
    return {
        "provider": found.provider,
        "id": found.id,
        "alias": found.alias,
        "context": found.pin.context,
        "inputs": found.pin.inputs,
        "reasoning": found.pin.reasoning,
        "floating": found.pin.floating,
    }
