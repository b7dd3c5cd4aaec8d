"""`moongate batch`: many calls as one job, through a provider's batch API or through ordinary chats."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from moongate.cli.batchcheck import validate
from moongate.cli.batchinput import input_options, recipe_of
from moongate.cli.options import Asked, connecting, speaking
from moongate.errors import BusyError, UsageError
from moongate.facts.batches import WINDOW

if TYPE_CHECKING:
    from moongate.batch.job import AsyncJob
    from moongate.batch.state import State


@click.group("batch")
def command() -> None:
    """Run a batch file: every line has one result in the end, and nothing is sent twice unsaid."""


def _rules(function: Callable[..., Any]) -> Callable[..., Any]:
    text = "Whether the model's parameters are looked at before anything is sent."
    return click.option("--rules", type=click.Choice(["raise", "pass"]), help=text)(function)


def _capped(function: Callable[..., Any]) -> Callable[..., Any]:
    text = "Most that the job may cost, in the currency of the model's price."
    return click.option("--max-cost", metavar="AMOUNT", help=text)(function)


command.add_command(validate)


@command.command("run")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="Where the answers go.")
@click.option("--concurrency", type=click.IntRange(1, 10_000), help="Most calls under way at once; 256 at first.")
@_capped
@click.option("--deadline", type=click.FloatRange(min=0), metavar="SECONDS", help="Send nothing later than this.")
@click.option(
    "--uncertain",
    type=click.Choice(["resend", "fail"]),
    default="resend",
    show_default=True,
    help="What becomes of a line of which a try may have been charged without its answer.",
)
@click.option("--new", is_flag=True, help="Start over, whatever an earlier run finished.")
@_rules
@input_options
@connecting
def run(asked: Asked, file: str, output: str, **options: Any) -> int:
    """Work FILE off through ordinary chat calls, at any provider.

    As many calls at once as the provider bears. Failed lines go to OUTPUT.errors.jsonl. Stopped by Ctrl-C, an empty
    account or a crash, the same command goes on where it was: what is finished is kept in a journal.
    """
    from moongate.batch.job import AsyncJob
    from moongate.batch.loop import run as in_loop

    options["deadline_s"] = options.pop("deadline")
    options["rules"] = _looked_at(asked, options["rules"])

    async def work() -> int:
        job = await AsyncJob.run(client, file, output, recipe=recipe, **options)
        return await _carried_on(asked, job)

    with asked.client(spends=True) as client:
        recipe = recipe_of(client, file, options)
        return in_loop(work())


@command.command("submit")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--window", metavar="TIME", default=WINDOW, show_default=True, help="How long the provider may take, 12h to 7d."
)
@_capped
@click.option("--new", is_flag=True, help="Submit a file that is submitted already once more.")
@_rules
@input_options
@connecting
def submit(asked: Asked, file: str, **options: Any) -> int:
    """Submit FILE to the provider's batch API, in parts where it is too large for one, and print the job's name.

    What is about to be sent is written down first. After a crash the same command goes on, and looks into the
    provider's lists where an answer was lost: nothing is submitted twice.
    """
    from moongate.batch.job import AsyncJob
    from moongate.batch.loop import run as in_loop

    options["rules"] = _looked_at(asked, options["rules"])

    async def work() -> int:
        job = await AsyncJob.submit(client, file, recipe=recipe, **options)
        return await _carried_on(asked, job, until="created")

    with asked.client(spends=True) as client:
        recipe = recipe_of(client, file, options)
        return in_loop(work())


@command.command("watch")
@click.argument("job")
@click.option(
    "--uncertain", type=click.Choice(["again", "drop"]), help="Create a batch of unknown fate again, or not."
)
@_capped
@connecting
def watch(asked: Asked, job: str, uncertain: Literal["again", "drop"] | None, max_cost: str | None) -> int:
    """Carry JOB on to its end: watch its batches and take over their results as soon as they are there.

    The cap on its cost stays the one it had, unless --max-cost says another.
    """
    from moongate.batch.job import AsyncJob
    from moongate.batch.loop import run as in_loop

    async def work() -> int:
        found = AsyncJob.find(client, job, max_cost=max_cost)
        if uncertain is not None:
            await found.decide(uncertain)
        return await _carried_on(asked, found)

    with asked.client(spends=True) as client:
        return in_loop(work())


@command.command("status")
@click.argument("job")
@speaking
def status(asked: Asked, job: str) -> int:
    """Show how far JOB is, also while another process works on it."""
    from moongate.batch.folders import folder_of
    from moongate.batch.journal import look

    state = look(folder_of(_data_dir(), job))
    _report(asked, state)
    return 0


@command.command("list")
@speaking
def list_(asked: Asked) -> int:
    """List the jobs, the one begun last first."""
    from moongate.batch.folders import folders
    from moongate.batch.journal import look
    from moongate.batch.report import document

    states = [state for folder in folders(_data_dir()) if (state := look(folder)).opened is not None]
    if asked.show.json:
        asked.show.document({"jobs": [document(state) for state in states]})
    else:
        columns = ("job", "mode", "status", "total", "completed", "failed", "uncertain", "provider")
        asked.show.table(columns, [_row(state) for state in states])
    return 0


@command.command("results")
@click.argument("job")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="Where the answers go.")
@click.option("--format", "format_", type=click.Choice(["jsonl", "csv"]), help="By OUTPUT's ending, unless given.")
@click.option("--join", is_flag=True, help="A line for each row of the input, with the row; a table always has them.")
@click.option("--clean", is_flag=True, help="Then delete the files of an ended job at the provider.")
@connecting
def results(asked: Asked, job: str, output: str, format_: str | None, join: bool, clean: bool) -> int:
    """Write what JOB has so far, in the order of its input.

    As JSON lines, failures go to OUTPUT.errors.jsonl. As a table, and with --join, every row of the input has its
    line, with its columns, its answer or its error.
    """
    from moongate.batch.blocking import Job
    from moongate.batch.folders import folder_of
    from moongate.batch.journal import look
    from moongate.batch.output import check_place, source_of, write_results
    from moongate.batch.results import format_of

    folder = folder_of(_data_dir(), job)
    check_place(Path(output), source_of(folder))
    if join or format_of(output, format_) == "csv":
        count = _write_joined(folder, output, format_)
    else:
        count = write_results(folder, Path(output))
    asked.show.talk(f"saved {count} answers in {output}")
    if clean:
        with asked.client(spends=True) as client:
            asked.show.talk(f"deleted {Job.find(client, job).clean()} files at the provider")
    if asked.show.json:
        _report(asked, look(folder))
    return 0


def _write_joined(folder: Path, output: str, format_: str | None) -> int:
    """Write each row of the input with its result; return how many answers there are."""
    from moongate.batch.journal import look
    from moongate.batch.journal import results as kept
    from moongate.batch.lines import read
    from moongate.batch.results import format_of, rows_asked, write

    state = look(folder)
    if state.opened is None:
        raise UsageError(f"Job {folder.name!r} has not begun.")
    path = folder / state.opened.input
    rows = rows_asked(state.opened.source, lambda: (line.custom_id for line in read(path)), state.tally.total)
    return write(output, rows, kept(folder), format=format_of(output, format_)).answered


@command.command("retry")
@click.argument("job")
@click.option("--uncertain", is_flag=True, help="Also the failed lines that may have been charged.")
@_capped
@connecting
def retry(asked: Asked, job: str, uncertain: bool, max_cost: str | None) -> int:
    """Send the failed lines of JOB again, and only those."""
    from moongate.batch.job import AsyncJob
    from moongate.batch.loop import run as in_loop

    async def work() -> int:
        found = AsyncJob.find(client, job, max_cost=max_cost)
        await found.retry(uncertain=uncertain)
        return await _carried_on(asked, found)

    with asked.client(spends=True) as client:
        return in_loop(work())


@command.command("cancel")
@click.argument("job")
@connecting
def cancel(asked: Asked, job: str) -> int:
    """Give JOB up, at the provider too. What is finished keeps its results.

    Another process that works on it is told so, sends nothing more, and brings it to its end.
    """
    from moongate.batch.job import AsyncJob
    from moongate.batch.loop import run as in_loop
    from moongate.batch.report import exit_code

    async def work() -> int:
        found = AsyncJob.find(client, job)
        await found.cancel()
        try:
            await _carried_on(asked, found)
        except BusyError:
            asked.show.talk("the process that works on it has been told, and brings it to its end")
            _report(asked, found.state)
            return 0
        return 0 if found.state.ended else exit_code(found.state)

    with asked.client(spends=True) as client:
        return in_loop(work())


def _renamed(state: State) -> list[str]:
    aliases = state.opened.aliases if state.opened is not None else {}
    return [f"{name!r} is sent as {id_!r} (pinned)" for name, id_ in aliases.items()]


async def _carried_on(asked: Asked, job: AsyncJob, *, until: Literal["created", "ended"] = "ended") -> int:
    """Carry a job on, show how far it is, and report; the first Ctrl-C stops it gently, the second at once."""
    from moongate.batch.report import exit_code

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, asked, job)
    asked.show.talk(f"job {job.name}")
    asked.show.notes(_renamed(job.state))
    try:
        with asked.show.progress("batch", counts=True) as draw:
            async for shown in job.created() if until == "created" else job:
                draw(shown.done, shown.total)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    state = job.state
    _report(asked, state)
    if job.error is not None:
        return job.error.exit_code
    if until == "created" and not state.stopped and not state.cancelled:
        return 0
    return exit_code(state)


def _stop(asked: Asked, job: AsyncJob) -> None:
    asked.show.talk("stopping: waiting for what is under way; once more to give that up")
    job.stop()


def _report(asked: Asked, state: State) -> None:
    from moongate.batch.report import document, summary

    if asked.show.json:
        asked.show.document(document(state))
        return
    opened = state.opened
    asked.show.data(f"{opened.job if opened else ''}  {state.status}")
    for sentence in summary(state):
        asked.show.talk(sentence)


def _row(state: State) -> tuple[str, ...]:
    opened, tally = state.opened, state.tally
    if opened is None:
        return ()
    counts = (tally.total, tally.completed, tally.failed, tally.uncertain)
    return (opened.job, opened.mode, state.status, *(str(count) for count in counts), opened.provider)


def _looked_at(asked: Asked, rules: str | None) -> bool:
    return (rules or asked.settings.rules) != "pass"


def _data_dir() -> Path:
    from moongate.settings.load import load_folders

    return load_folders().data_dir
