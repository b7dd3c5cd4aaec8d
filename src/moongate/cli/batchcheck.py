"""`moongate batch validate`: every line of a batch file checked before anything is sent."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from moongate.cli.batchinput import input_options, recipe_of
from moongate.cli.options import Asked, connecting

if TYPE_CHECKING:
    from moongate.batch.validate import Change, Checks, Fault, Report
    from moongate.client.guard import Permit
    from moongate.client.sync import Client

SHOWN = 20  # faults, and as many changes, that people are shown
KEPT = 100_000  # that --json holds; a report file holds all of them


@click.command("validate")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--fix", metavar="OUT", type=click.Path(dir_okay=False), help="Write a corrected file there.")
@click.option(
    "--report", metavar="PATH", type=click.Path(dir_okay=False), help="Write every fault there, as JSON lines."
)
@click.option("--for-run", is_flag=True, help="Hold it against ordinary chats (`batch run`), not the batch API.")
@click.option("--rules", type=click.Choice(["raise", "pass"]), help="Whether the model's parameters are looked at.")
@input_options
@connecting
def validate(asked: Asked, file: str, **given: Any) -> int:
    """Check every line of FILE, and say what it may cost. Nothing is sent but the request for the model list.

    Each fault is told with its line: JSON, fields, custom_ids used twice, models that are not listed or differ,
    parameters that the model or a batch does not take, sizes. Exit code 2 when there is an error; warnings are no
    errors. What --fix can do about a fault is said with it.
    """
    from moongate.batch.validate import validate as check

    with ExitStack() as open_:
        client = open_.enter_context(asked.client())
        recipe = recipe_of(client, file, given)
        stream = open_.enter_context(_made(file, recipe) if recipe else _opened(file))
        notes: dict[str, None] = {}
        checks = _checks(asked, client, given, notes)
        found = _Found(open_.enter_context(_report_file(given["report"])) if given["report"] else None)
        draw = open_.enter_context(asked.show.progress("validate"))
        size = Path(file).stat().st_size
        report = check(
            stream,
            checks,
            on_fault=found.fault,
            corrected=open_.enter_context(_report_file(given["fix"])) if given["fix"] else None,
            on_change=found.change,
            progress=lambda done: draw(done, max(done, size)),
        )
    asked.show.notes(notes)
    if asked.show.json:
        asked.show.document(_document(file, checks, report, found))
    else:
        _show(asked, file, report, found, corrected=given["fix"])
    return 0 if report.ok else 2


class _Found:
    """What was found, as far as it is kept."""

    def __init__(self, file: BinaryIO | None) -> None:
        self.faults: list[Fault] = []
        self.changes: list[Change] = []
        self.left_out = 0
        self._file = file

    def fault(self, fault: Fault) -> None:
        """Keep a fault."""
        import msgspec

        if self._file is not None:
            self._file.write(msgspec.json.encode(fault) + b"\n")
        self._keep(self.faults, fault)

    def change(self, change: Change) -> None:
        """Keep a change."""
        self._keep(self.changes, change)

    def _keep(self, kept: list[Any], one: Any) -> None:
        if len(kept) < KEPT:
            kept.append(one)
        else:
            self.left_out += 1


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    from moongate.batch.blocks import opened

    with opened(file) as stream:
        yield stream


@contextmanager
def _made(file: str, recipe: Any) -> Iterator[BinaryIO]:
    """Yield the lines that rows make; a fault's line is then the place of the row."""
    from moongate.batch.input import lines, rows

    with tempfile.TemporaryFile(prefix="moongate-lines-") as made:
        made.writelines(lines(rows(file), recipe))
        made.seek(0)
        yield made


@contextmanager
def _report_file(path: str) -> Iterator[BinaryIO]:
    from moongate.store.atomic import replacing

    with replacing(path) as file:
        yield file


def _checks(asked: Asked, client: Client, given: dict[str, Any], notes: dict[str, None]) -> Checks:
    from moongate.batch.validate import Checks

    def permit(name: str) -> Permit:
        found = client.guard.allow(name)
        notes.update(dict.fromkeys(found.notes))
        return found

    row = client.provider
    return Checks(
        row=row,
        permit=permit,
        native=row.batches == "native" and not given["for_run"],
        parameters=(given["rules"] or asked.settings.rules) != "pass",
        aliases=client.guard.pins.ids,
    )


def _document(file: str, checks: Checks, report: Report, found: _Found) -> dict[str, Any]:
    import msgspec

    estimate = report.estimate
    money = {"prompt_cost": estimate.prompt_cost, "most_cost": estimate.most_cost}
    shown = msgspec.structs.asdict(report) | {
        "estimate": msgspec.structs.asdict(estimate)
        | {name: {"amount": m.amount, "currency": m.currency} if m else None for name, m in money.items()},
    }
    return {
        "file": file,
        "ok": report.ok,
        "provider": checks.row.name,
        "for": "batch" if checks.native else "chat",
        **shown,
        "faults": found.faults,
        "changes": found.changes,
        "left_out": found.left_out,
    }


def _show(asked: Asked, file: str, report: Report, found: _Found, *, corrected: str | None) -> None:
    say = asked.show.data
    for fault in found.faults[:SHOWN]:
        place = f"line {fault.line}: " if fault.line else ""
        fix = f" [--fix {fault.fix}]" if fault.fix and corrected is None else ""
        mark = (f"{fault.severity}: ", "red" if fault.severity == "error" else "yellow")
        say(place, mark, f"{fault.message}{fix}")
    more = report.errors + report.warnings - len(found.faults[:SHOWN])
    if more:
        say(f"… and {more} more: {_counts(report.kinds)}; every one with --report PATH")
    if corrected is not None:
        _show_changes(say, report, found, corrected)
    state = "can be sent" if report.ok else "cannot be sent"
    models = f" for {', '.join(report.models)}" if report.models else ""
    say(f"{file} {state}: {_told(report)}{models}")
    _show_estimate(say, report)


def _show_changes(say: Callable[..., None], report: Report, found: _Found, corrected: str) -> None:
    for change in found.changes[:SHOWN]:
        say(f"line {change.line}: changed: {change.message}")
    if len(found.changes) + found.left_out > SHOWN:
        say(f"… and {len(found.changes) + found.left_out - SHOWN} changes more")
    say(f"saved {corrected}: {_counted(report.fixed, 'fault')} fewer")


def _show_estimate(say: Callable[..., None], report: Report) -> None:
    estimate = report.estimate
    if report.parts > 1:
        say(f"It will travel as {report.parts} files.")
    if not report.models:
        return
    cost = f", {estimate.prompt_cost}" if estimate.prompt_cost is not None else ""
    say(f"prompts: about {estimate.prompt_tokens} tokens{cost} (by their length; media not counted)")
    if estimate.most_completion_tokens is not None:
        most = f", {estimate.most_cost} with the prompts" if estimate.most_cost is not None else ""
        say(f"answers: at most {estimate.most_completion_tokens} tokens{most}")
    else:
        say(f"answers: {estimate.unlimited} requests set no limit of tokens")
    if estimate.basis:
        say(f"price: {estimate.basis}")


def _counts(kinds: dict[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in list(kinds.items())[:10])


def _told(report: Report) -> str:
    errors, warnings = _counted(report.errors, "error"), _counted(report.warnings, "warning")
    return f"{errors}, {warnings} in {_counted(report.requests, 'request')}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
