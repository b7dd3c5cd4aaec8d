"""What a whole file says of itself, before any rule looks at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from moongate.facts.providers import built_in
from moongate.lint.gather import gather
from moongate.lint.options import Options
from moongate.lint.run import lint_file

HOT = """
import os
from openai import OpenAI

client = OpenAI(api_key=os.environ["MOONSHOT_API_KEY"], base_url="https://api.moonshot.ai/v1")
client.chat.completions.create(model="kimi-k2.6", messages=[], temperature=0.3)
"""


@pytest.mark.parametrize("folder", ["moongate", "litellm", "openclaw-plugin", "project"])
def test_the_folders_above_a_file_say_nothing_of_its_framework(tmp_path: Path, folder: str) -> None:
    file = tmp_path / folder / "app.py"
    file.parent.mkdir()
    file.write_text(HOT)
    knowledge, _ = gather(rows=built_in())
    found = lint_file(str(file), knowledge, Options(today="2026-11-25")).findings
    assert [(finding.line, finding.code) for finding in found] == [(6, "MG030")]
