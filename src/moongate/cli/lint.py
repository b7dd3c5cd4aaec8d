"""`moongate lint`: what would fail in production, found in code and configuration."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.options import Asked, speaking
from moongate.errors import UsageError

if TYPE_CHECKING:
    from moongate.facts.models import Listing
    from moongate.lint.finding import Finding
    from moongate.lint.knowledge import Knowledge
    from moongate.lint.options import Options
    from moongate.lint.run import Result
    from moongate.settings.load import Project

FORMATS = ("text", "json", "sarif", "github")


@dataclass(kw_only=True)
class _Tally:
    """What has been told so far."""

    files: int = 0
    errors: int = 0
    warnings: int = 0
    fixable: int = 0
    mended: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def add(self, findings: tuple[Finding, ...]) -> None:
        self.codes.update(finding.code for finding in findings)
        self.errors += sum(finding.severity == "error" for finding in findings)
        self.warnings += sum(finding.severity == "warning" for finding in findings)
        self.fixable += sum(bool(finding.edits) for finding in findings)


@click.command("lint")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to tell.")
@click.option("--fix", is_flag=True, help="Write what is beyond doubt; tell the rest.")
@click.option("--diff", is_flag=True, help="Show what --fix would write, and write nothing.")
@click.option("--lists", metavar="DIR", help="Saved model lists, PROVIDER.json each; they count before all else.")
@click.option(
    "--live", is_flag=True, help="Fetch the lists of the providers that there are keys for, and public ones."
)
@click.option("--select", metavar="CODES", help="Only these rules: MG002,MG01 (a code may be cut short).")
@click.option("--ignore", metavar="CODES", help="Not these rules.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule instead of telling them.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("--config", metavar="FILE", help="One settings file, read instead of the usual ones.")
@speaking
def command(asked: Asked, paths: tuple[str, ...], **given: Any) -> int:
    """Find wrong ids, hosts, keys and parameters in code and configuration.

    PATH is a file or a folder, by default the working directory. An id is judged at the endpoint that it is meant
    for; what is known of that comes from --lists, the lock, lists kept by earlier calls, and dated hints, best first.
    Nothing is fetched without --live. Exit code 1 when there are errors, 0 with warnings only.
    """
    form = "json" if asked.show.json else given["form"]
    if form != "text" and (given["diff"] or given["statistics"]):
        raise UsageError(f"--diff and --statistics have no {form} form.", advice="Leave --format out.")
    results = _Results(asked, paths or (".",), given)
    if form == "text" and given["diff"]:
        return _show_diff(asked, results)
    if given["fix"]:
        results.mend = True
    if form in ("json", "sarif"):
        _tell_document(asked, form, results)
    else:
        _tell_lines(asked, form, results, statistics=given["statistics"])
    return 1 if results.tally.errors else 0


class _Results:
    """The results of one run, told of on stderr and counted as they come; mended first, where that was asked for."""

    def __init__(self, asked: Asked, paths: tuple[str, ...], given: dict[str, Any]) -> None:
        from moongate.settings.load import Flags, load_project

        self.asked = asked
        self.paths = paths
        self.jobs: int = given["jobs"]
        self.mend = False
        self.tally = _Tally()
        project = load_project(Flags(config=given["config"]))
        self.options = _options(project, given)
        self.knowledge = _knowledge(asked, project, given)

    def __iter__(self) -> Iterator[Result]:
        from moongate.lint.pool import lint_files
        from moongate.lint.walk import files

        paths = files(self.paths, exclude=self.options.exclude)
        for batch in lint_files(paths, self.knowledge, self.options, jobs=self.jobs):
            self.tally.files += batch.files
            for result in batch.results:
                for note in result.notes:
                    self.asked.show.talk(f"note: {note}")
                mended = self._mended(result) if self.mend else result
                self.tally.add(mended.findings)
                yield mended

    def _mended(self, result: Result) -> Result:
        """Write the edits of a file until there are none left, and return what is left to tell."""
        from moongate.lint.fix import edits_of, mended, write
        from moongate.lint.run import lint_bytes

        data = result.data
        for _ in range(3):
            edits = edits_of(result.findings)
            if not edits:
                break
            self.tally.mended += len(edits)
            data = mended(data, edits)
            write(result.path, result.data, data)
            result = lint_bytes(result.path, data, self.knowledge, self.options)
        return result


def _options(project: Project, given: dict[str, Any]) -> Options:
    from moongate.lint.options import options_from

    return options_from(
        project.lint,
        where=project.lint_from,
        select=given["select"],
        ignore=given["ignore"],
        keeps_data=given["fix"] or given["diff"],
        today=time.strftime("%Y-%m-%d"),
    )


def _knowledge(asked: Asked, project: Project, given: dict[str, Any]) -> Knowledge:
    from moongate.catalog import lock
    from moongate.lint.gather import gather
    from moongate.store.cache import ListCache

    path = lock.find(Path.cwd(), Path.home())
    knowledge, notes = gather(
        rows=project.rows,
        lists=Path(given["lists"]) if given["lists"] else None,
        lock=lock.read(path) if path else None,
        cache=ListCache(folder=project.cache_dir / "lists"),
        live=_live(asked, given["config"]) if given["live"] else (),
        aliases=project.aliases,
        default=project.provider,
    )
    for note in notes:
        asked.show.talk(f"note: {note}")
    return knowledge


def _live(asked: Asked, config: str | None) -> Iterator[Listing]:
    """Yield the lists that can be had now; one that cannot is told, and judged by what is known otherwise."""
    from moongate.client.sync import Client
    from moongate.errors import MoongateError
    from moongate.settings.load import Flags, load_all

    for settings in load_all(Flags(config=config)):
        with Client(settings=settings, long_lived=False) as client:
            try:
                yield client.models()
            except MoongateError as error:
                asked.show.talk(f"note: {settings.row.title}: {error.message}")


def _tell_document(asked: Asked, form: str, results: _Results) -> None:
    findings = [finding for result in results for finding in result.findings]
    if form == "json":
        from moongate.lint.report.json import document

        asked.show.document(document(findings, results.tally.files))
    else:
        from moongate import __version__
        from moongate.lint.report import sarif

        asked.show.document(sarif.document(findings, version=__version__))


def _tell_lines(asked: Asked, form: str, results: _Results, *, statistics: bool) -> None:
    from moongate.lint.report import github, text

    for result in results:
        for finding in () if statistics else result.findings:
            if form == "github":
                asked.show.data(github.line(finding))
            else:
                for line in text.lines(finding):
                    asked.show.data(*line)
    tally = results.tally
    if statistics:
        asked.show.table(("code", "name", "findings"), list(_counted(tally)))
    if tally.mended:
        asked.show.talk(f"Mended {tally.mended}.")
    asked.show.talk(text.summary(tally.errors, tally.warnings, tally.fixable, tally.files))


def _counted(tally: _Tally) -> Iterator[tuple[str, str, str]]:
    from moongate.lint.rules import rules

    for rule in rules():
        if tally.codes[rule.code]:
            yield rule.code, rule.name, str(tally.codes[rule.code])


def _show_diff(asked: Asked, results: _Results) -> int:
    from moongate.lint.fix import diff, edits_of, mended
    from moongate.lint.run import masked

    for result in results:
        edits = edits_of(result.findings)
        if edits:
            for line in diff(result.path, result.data, mended(result.data, edits)):
                asked.show.data(masked(line))
    return 1 if results.tally.errors else 0
