from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_its_shells_hook(moongate, shell) -> None:
    ran = moongate("completion", shell)
    assert ran.code == 0
    assert f"_MOONGATE_COMPLETE={shell}_complete" in ran.out


def test_bash_is_offered_the_commands() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "moongate"],
        env={
            "_MOONGATE_COMPLETE": "bash_complete",
            "COMP_WORDS": "moongate ch",
            "COMP_CWORD": "1",
            "PATH": "/usr/bin",
        },
        capture_output=True,
        text=True,
    )
    assert set(ran.stdout.split()) == {"plain,check", "plain,chat"}
