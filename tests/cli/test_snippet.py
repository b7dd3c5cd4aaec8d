from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest


@pytest.mark.parametrize("lang", ["python", "curl", "javascript"])
def test_the_id_is_listed_and_the_key_stays_out(moongate, server, lang) -> None:
    ran = moongate("snippet", "--lang", lang)
    assert ran.code == 0
    assert '"kimi-k2.6"' in ran.out
    assert server.key not in ran.out
    assert "MOONSHOT_API_KEY" in ran.out


def test_no_snippet_for_a_wrong_id(moongate, server) -> None:
    assert moongate("snippet", "-m", "kimi-k2-6").code == 1


@pytest.mark.parametrize(
    ("lang", "program"),
    [("python", [sys.executable, "-"]), ("curl", ["sh"]), ("javascript", ["node", "--input-type=module", "-"])],
)
def test_it_runs_as_it_stands(moongate, server, lang, program) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed")
    if lang == "python":
        pytest.importorskip("openai", reason="the openai package is not installed")
    code = moongate("snippet", "--lang", lang).out
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "MOONSHOT_API_KEY": server.key}
    ran = subprocess.run(program, input=code, capture_output=True, text=True, env=env, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "Say hello." in ran.stdout
