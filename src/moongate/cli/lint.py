"""`moongate lint`: what would fail in production, found in code and configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from moongate.cli.options import Asked, speaking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moongate.lint.finding import Finding
    from moongate.lint.knowledge import Knowledge
    from moongate.lint.options import Options
    from moongate.lint.run import Result
    from moongate.settings.load import Project

FORMATS = ("text", "json", "sarif", "github")


@click.command("lint")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to tell.")
@click.option("--lists", metavar="DIR", help="Saved model lists, PROVIDER.json each; better than anything else.")
@click.option("--select", metavar="CODES", help="Only these rules: MG002,MG01 (a code may be cut short).")
@click.option("--ignore", metavar="CODES", help="Not these rules.")
@click.option("--config", metavar="FILE", help="One settings file, read instead of the usual ones.")
@speaking
def command(
    asked: Asked,
    paths: tuple[str, ...],
    form: str,
    lists: str | None,
    select: str | None,
    ignore: str | None,
    config: str | None,
) -> int:
    """Find wrong ids, hosts, keys and parameters in code and configuration.

    PATH is a file or a folder, by default the working directory. An id is judged at the endpoint that it is meant
    for; what is known of that comes from --lists, the lock, lists kept by earlier calls, and dated hints, best first.
    Nothing is fetched. Exit code 1 when there are errors, 0 with warnings only.
    """
    from moongate.settings.load import Flags, load_project

    project = load_project(Flags(config=config))
    options = _options(project, select, ignore)
    knowledge = _knowledge(asked, project, lists)
    results = list(_results(paths or (".",), knowledge, options))
    findings = [finding for result in results for finding in result.findings]
    for result in results:
        for note in result.notes:
            asked.show.talk(f"note: {note}")
    _tell(asked, "json" if asked.show.json else form, findings, len(results))
    return 1 if any(finding.severity == "error" for finding in findings) else 0


def _options(project: Project, select: str | None, ignore: str | None) -> Options:
    import time

    from moongate.lint.options import options_from

    today = time.strftime("%Y-%m-%d")
    return options_from(project.lint, where=project.lint_from, select=select, ignore=ignore, today=today)


def _knowledge(asked: Asked, project: Project, lists: str | None) -> Knowledge:
    from moongate.catalog import lock
    from moongate.lint.gather import gather
    from moongate.store.cache import ListCache

    path = lock.find(Path.cwd(), Path.home())
    knowledge, notes = gather(
        rows=project.rows,
        lists=Path(lists) if lists else None,
        lock=lock.read(path) if path else None,
        cache=ListCache(folder=project.cache_dir / "lists"),
        aliases=project.aliases,
        default=project.provider,
    )
    for note in notes:
        asked.show.talk(f"note: {note}")
    return knowledge


def _results(paths: Iterable[str], knowledge: Knowledge, options: Options) -> Iterable[Result]:
    from moongate.lint.run import lint_file
    from moongate.lint.walk import files

    for path in files(paths, exclude=options.exclude):
        yield lint_file(path, knowledge, options)


def _tell(asked: Asked, form: str, findings: list[Finding], files: int) -> None:
    if form == "json":
        from moongate.lint.report.json import document

        asked.show.document(document(findings, files))
        return
    from moongate.lint.report.text import lines, summary

    for finding in findings:
        for line in lines(finding):
            asked.show.data(*line)
    errors = sum(finding.severity == "error" for finding in findings)
    fixable = sum(bool(finding.edits) for finding in findings)
    asked.show.talk(summary(errors, len(findings) - errors, fixable, files))
