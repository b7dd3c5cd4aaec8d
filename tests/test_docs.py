"""What the documentation shows is what happens: Python blocks run, console sessions are replayed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from moongate.testing import MoonshotServer

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("README*.md")), *sorted(ROOT.glob("docs/*.md"))]
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def server(monkeypatch):
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        monkeypatch.setenv("MOONSHOT_BASE_URL", server.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", server.key)
        yield server


def blocks(page: Path, language: str) -> list[str]:
    return [found[2] for found in BLOCK.finditer(page.read_text("utf-8")) if found[1] == language]


def named(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


@pytest.mark.parametrize("page", named("python"), ids=lambda page: page.name)
def test_python_blocks_run_one_after_another(page, server, capsys) -> None:
    code = "\n".join(blocks(page, "python"))
    exec(compile(code, str(page), "exec"), {"__name__": "__docs__"})  # noqa: S102 — our own pages


@pytest.mark.parametrize("page", named("console"), ids=lambda page: page.name)
def test_console_sessions_print_what_is_shown(page, server, tmp_path) -> None:
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for session in blocks(page, "console"):
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
            ran = subprocess.run(
                ["sh", "-c", command],
                env=env,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            printed = (ran.stdout + ran.stderr).replace(f":{server.port}", ":8000")
            pattern = ".*".join(re.escape(part) for part in shown.split("…"))
            assert re.fullmatch(pattern, printed, re.DOTALL), f"{command}\n{printed}"


def test_generated_parts_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
    assert spec is not None and spec.loader is not None
    make_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_docs)
    assert make_docs.pages()
    for page in make_docs.pages():
        text = page.read_text("utf-8")
        assert make_docs.rendered(text) == text, f"{page.name}: run `make docs`"


@pytest.mark.parametrize("page", [*PAGES, *sorted(ROOT.glob("*.md"))], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_pages_of_the_rules_are_the_rules_docstrings() -> None:
    from moongate.lint.pages import files

    folder = ROOT / "docs" / "rules"
    assert {path.name: path.read_text("utf-8") for path in folder.glob("*.md")} == dict(files()), "run: make docs"
