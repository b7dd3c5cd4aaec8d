"""`moongate batch`: many calls as one job, through a provider's batch API or through ordinary chats."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.options import Asked, connecting, speaking

if TYPE_CHECKING:
    from moongate.batch.job import AsyncJob
    from moongate.batch.report import Progress
    from moongate.batch.state import State


@click.group("batch")
def command() -> None:
    """Run a batch file: every line has one result in the end, and nothing is sent twice unsaid."""


@command.command("run")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="Where the answers go.")
@click.option("--concurrency", type=click.IntRange(1, 10_000), help="Most calls under way at once; 256 at first.")
@click.option(
    "--max-cost", metavar="AMOUNT", help="Most that the job may cost, in the currency of the model's price."
)
@click.option("--deadline", type=click.FloatRange(min=0), metavar="SECONDS", help="Send nothing later than this.")
@click.option(
    "--uncertain",
    type=click.Choice(["resend", "fail"]),
    default="resend",
    help="What becomes of a line of which a try may have been charged without its answer.",
)
@click.option("--new", is_flag=True, help="Start over, whatever an earlier run finished.")
@connecting
def run(asked: Asked, file: str, output: str, **options: Any) -> int:
    """Work FILE off through ordinary chat calls, at any provider.

    As many calls at once as the provider bears. Failed lines go to OUTPUT.errors.jsonl. Stopped by Ctrl-C, an empty
    account or a crash, the same command goes on where it was: what is finished is kept in a journal.
    """
    from moongate.batch.job import AsyncJob

    options["deadline_s"] = options.pop("deadline")

    async def work() -> int:
        job = await AsyncJob.run(client, file, output, **options)
        return await _carried_on(asked, job)

    with asked.client() as client:
        return asyncio.run(work())


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
@speaking
def results(asked: Asked, job: str, output: str) -> int:
    """Write what JOB has so far, in the order of its input; failures go to OUTPUT.errors.jsonl."""
    from moongate.batch.folders import folder_of
    from moongate.batch.job import write_results
    from moongate.batch.journal import look

    folder = folder_of(_data_dir(), job)
    count = write_results(folder, Path(output))
    asked.show.talk(f"saved {count} answers in {output}")
    if asked.show.json:
        _report(asked, look(folder))
    return 0


@command.command("retry")
@click.argument("job")
@click.option("--uncertain", is_flag=True, help="Also the failed lines that may have been charged.")
@connecting
def retry(asked: Asked, job: str, uncertain: bool) -> int:
    """Send the failed lines of JOB again, and only those."""
    from moongate.batch.job import AsyncJob

    async def work() -> int:
        found = AsyncJob.find(client, job)
        await found.retry(uncertain=uncertain)
        return await _carried_on(asked, found)

    with asked.client() as client:
        return asyncio.run(work())


@command.command("cancel")
@click.argument("job")
@connecting
def cancel(asked: Asked, job: str) -> int:
    """Give JOB up. What is finished keeps its results."""
    from moongate.batch.job import Job

    with asked.client() as client:
        _report(asked, Job.find(client, job).cancel())
    return 0


async def _carried_on(asked: Asked, job: AsyncJob) -> int:
    """Carry a job on, show how far it is, and report; the first Ctrl-C stops it gently, the second at once."""
    from moongate.batch.report import exit_code

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, asked, job)
    shown: Progress | None = None
    asked.show.talk(f"job {job.name}")
    try:
        with asked.show.progress("batch", counts=True) as draw:
            async for shown in job:
                draw(shown.done, shown.total)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    state = job.state
    _report(asked, state)
    if job.error is not None:
        return job.error.exit_code
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


def _data_dir() -> Path:
    from moongate.settings.load import load_folders

    return load_folders().data_dir
