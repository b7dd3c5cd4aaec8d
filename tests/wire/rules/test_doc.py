"""The page about the rules is made from the rows."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from moongate.wire.rules import rules

ROOT = Path(__file__).parents[3]


def test_the_tables_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make_rules_doc", ROOT / "scripts" / "make_rules_doc.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text = (ROOT / "docs" / "moonshot.md").read_text("utf-8")
    assert script.rendered(text) == text, "run python scripts/make_rules_doc.py"
    assert text.count("\n| ") > len(rules())
