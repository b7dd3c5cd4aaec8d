"""The room's door: what an import needs and gives."""

from __future__ import annotations

import subprocess
import sys

import moongate.openai

WITHOUT = """
import importlib.abc, sys
class Gone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "openai":
            raise ModuleNotFoundError("No module named 'openai'", name="openai")
sys.meta_path.insert(0, Gone())
from moongate.errors import MissingExtraError
try:
    import moongate.openai
except MissingExtraError as error:
    print(error)
"""


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_without_the_sdk_the_extra_is_named() -> None:
    assert "pip install 'moongate[openai]'" in run(WITHOUT)


def test_moongate_alone_loads_no_sdk() -> None:
    assert run("import sys, moongate, moongate.client.sync; print('openai' in sys.modules)").strip() == "False"


def test_every_public_name_is_there() -> None:
    assert all(hasattr(moongate.openai, name) for name in moongate.openai.__all__)
