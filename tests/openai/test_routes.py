"""Routes and where their bodies name a model."""

from __future__ import annotations

import pytest

from moongate.facts.providers import built_in
from moongate.openai.routes import body_at


@pytest.mark.parametrize(
    ("provider", "method", "path", "body"),
    [
        ("moonshot", "POST", "/chat/completions", "json"),
        ("moonshot", "POST", "/files", "upload"),
        ("moonshot", "DELETE", "/files/file-1", "none"),
        ("moonshot", "POST", "/batches/batch_1/cancel", "none"),
        ("moonshot", "POST", "/embeddings", None),
        ("moonshot", "POST", "/chat/completions/", None),
        ("moonshot", "POST", "//chat/completions", None),
        ("moonshot", "POST", "/chat%2Fcompletions", None),
        ("moonshot", "PATCH", "/chat/completions", None),
        ("moonshot", "DELETE", "/files/a/b", None),
        ("openrouter", "POST", "/embeddings", "json"),
        ("openrouter", "POST", "/batches", None),
        ("aimlapi", "POST", "/images/generations", "json"),
        ("local", "POST", "/audio/transcriptions", "form"),
        ("local", "POST", "/uploads", None),
    ],
)
def test_where_a_body_names_its_model(provider: str, method: str, path: str, body: str | None) -> None:
    assert body_at(built_in()[provider], method, path) == body
