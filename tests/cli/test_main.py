from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import moongate.cli
from moongate import __version__
from moongate.cli.main import COMMANDS, root
from moongate.testing import Fault

JSON = {"content-type": "application/json"}


def python_m_moongate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "moongate", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_version() -> None:
    ran = python_m_moongate("--version")
    assert (ran.returncode, ran.stdout) == (0, f"moongate {__version__}\n")


def test_the_quick_help_page_is_clicks_own() -> None:
    from click.testing import CliRunner

    page = Path(moongate.cli.__path__[0], "help.txt").read_text("utf-8")
    assert page == CliRunner().invoke(root, ["--help"], prog_name="moongate", terminal_width=80).output
    assert python_m_moongate("--help").stdout == page


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(moongate, name) -> None:
    ran = moongate(name, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: moongate {name}")


def test_an_unknown_command(moongate) -> None:
    ran = moongate("chekc")
    assert ran.code == 2
    assert ran.err == "moongate: There is no command 'chekc'. Did you mean 'check'? See: moongate --help\n"


def test_an_unknown_flag_as_a_document(moongate) -> None:
    ran = moongate("chat", "hi", "--no-such", "--json")
    assert ran.code == 2
    assert ran.json["error"]["kind"] == "usage"


def test_no_key(moongate) -> None:
    ran = moongate("models", "-p", "moonshot")
    assert ran.code == 2
    assert "MOONSHOT_API_KEY" in ran.err


@pytest.mark.parametrize("secret", ["", "sk-one\nsk-two", "sk-one ", '"sk-one"', "sk-öne"])
def test_keys_that_cannot_be_sent_are_never_repeated(moongate, monkeypatch, secret) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", secret)
    ran = moongate("models")
    assert ran.code == 2
    assert "MOONSHOT_API_KEY" in ran.err
    assert secret == "" or secret.strip('"\n ') not in ran.err


@pytest.mark.parametrize(
    "url",
    [
        "https://api.moonshot.ai",
        "https://api.moonshot.ai/v1/chat/completions",
        "http://api.moonshot.ai/v1",
        "https://me:secret@api.moonshot.ai/v1",
        "api.moonshot.ai/v1",
        "https://api.moonshot.ai/v1\n",
    ],
)
def test_base_urls_that_cannot_work(moongate, monkeypatch, url) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-x")
    monkeypatch.setenv("MOONSHOT_BASE_URL", url)
    ran = moongate("models")
    assert ran.code == 2
    assert "MOONSHOT_BASE_URL" in ran.err
    assert "secret" not in ran.err


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (Fault("garbage"), 4, "not JSON"),
        (Fault("huge"), 4, "more than"),
        (Fault("endless"), 4, "more than"),
        (Fault("html_504", times=None), 4, "HTML page"),
        (Fault(status=500, body={"error": {"message": "x", "type": "server_error"}}, times=None), 4, "HTTP 500"),
        (Fault(status=401, body={"error": {"message": "Invalid Authentication", "type": "x"}}), 3, "the key"),
        (Fault(status=403, body={"error": {"message": "not open", "type": "permission_denied_error"}}), 3, "permit"),
        (Fault(status=404, body={"code": 5, "error": "url.not_found", "message": "x"}), 2, "no such route"),
        (Fault(status=404, body={"error": {"message": "gone", "type": "x"}}), 2, "no such route"),
        (Fault("redirect", url="http://127.0.0.1:9/v1/models"), 2, "redirect"),
        (Fault("reset", times=None), 4, "cannot be had"),
        (Fault(status=200, body=[1, 2], headers=JSON), 4, "none with an id"),
        (Fault(status=200, body={"hello": 1}, headers=JSON), 4, "another kind"),
    ],
)
def test_lists_that_cannot_be_used(moongate, server, fault, code, said) -> None:
    server.inject(fault)
    ran = moongate("models")
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1  # one paragraph
    assert server.key not in ran.err


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("quota", 3, "lack of money"),
        ("suspended", 3, "lack of money"),
        ("concurrency", 4, "asks to send less"),
        ("overloaded", 4, "overloaded"),
    ],
)
def test_the_kinds_of_429(moongate, server, name, code, said) -> None:
    server.inject(Fault("refusal", path="/chat/completions", name=name, times=None))
    ran = moongate("chat", "hi")
    assert ran.code == code
    assert said in ran.err


def test_connection_refused(moongate, monkeypatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-x")
    ran = moongate("models", "--base-url", "http://127.0.0.1:9/v1")
    assert ran.code == 4
    assert "could not be reached" in ran.err


def test_a_traceback_only_with_debug(moongate, server) -> None:
    server.inject(Fault("garbage", times=None))
    assert "Traceback" not in moongate("models").err
    assert "Traceback" in moongate("models", "--debug").err
