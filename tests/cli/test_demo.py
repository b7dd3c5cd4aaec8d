"""What the demo says before it begins; that it works is shown in `tests/acceptance/test_demo.py`."""

from __future__ import annotations

import sys

import pytest


def test_without_its_engine_nothing_is_fetched(moongate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # as if it were not installed
    ran = moongate("demo")
    assert ran.code == 2
    assert "needs xllamacpp" in ran.err
    assert "pip install 'moongate[local]'" in ran.err
    assert "fetching" not in ran.err
