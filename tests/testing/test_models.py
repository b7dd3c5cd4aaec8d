"""Which model a name or a row becomes."""

from __future__ import annotations

import pytest

from moongate.testing.models import find, served


def test_known_ids_unknown_ids_and_rows() -> None:
    known, unknown, row = served(["kimi-k2.6", "kimi-k9", {"id": "kimi-k3", "context_length": 9}], "platform")
    assert (known.family, known.context_length) == ("k2.6", 262144)
    assert (unknown.family, unknown.usd) == ("none", None)
    assert (row.family, row.context_length, row.row) == ("k3", 9, {"id": "kimi-k3", "context_length": 9})


@pytest.mark.parametrize(
    ("dialect", "name", "id_"),
    [
        ("openrouter", "moonshotai/kimi-k2.6", "moonshotai/kimi-k2.6"),
        ("openrouter", "moonshotai/kimi-k2.6:floor", "moonshotai/kimi-k2.6"),
        ("openrouter", "moonshotai/kimi-k2.6-20260420", "moonshotai/kimi-k2.6"),
        ("openrouter", "moonshotai/kimi-k2.6:cheap", None),
        ("aimlapi", "moonshotai/kimi-k2-6", "moonshot/kimi-k2-6"),
        ("aimlapi", "moonshot/kimi-k2-6:floor", None),
        ("aimlapi", "moonshot/kimi-k2.6", None),
    ],
)
def test_find(dialect: str, name: str, id_: str | None) -> None:
    model = find(served(None, dialect), name, dialect)
    assert (model.id if model else None) == id_
