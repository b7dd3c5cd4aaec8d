"""What the linter's tests share: judging a piece of source as if it were a file."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from moongate.lint.finding import Finding
from moongate.lint.knowledge import Knowledge
from moongate.lint.options import Options
from moongate.lint.run import lint_bytes

Lint = Callable[..., list[Finding]]


@pytest.fixture
def lint() -> Lint:
    """Return a function from (file name, source) to what is found, resting on the packaged hints alone."""

    def run(name: str, source: str, *, knowledge: Knowledge | None = None, **options: object) -> list[Finding]:
        chosen = Options(today="2026-11-25", **options)  # type: ignore[arg-type]
        return list(lint_bytes(name, dedent(source).encode(), knowledge or Knowledge(), chosen).findings)

    return run


@pytest.fixture
def codes(lint: Lint) -> Callable[..., list[str]]:
    """Return a function from (file name, source) to `LINE:CODE` of what is found."""
    return lambda name, source, **more: [f"{f.line}:{f.code}" for f in lint(name, source, **more)]


_SCORES = pytest.StashKey[list[str]]()


@pytest.fixture
def scores(request: pytest.FixtureRequest) -> list[str]:
    """Return the lines that the summary of the run shows."""
    return request.config.stash.setdefault(_SCORES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show precision and recall at the end of a run."""
    lines = config.stash.get(_SCORES, [])
    if lines:
        terminalreporter.section("the linter")
        for line in lines:
            terminalreporter.write_line(line)
