import pytest
from unittest.mock import MagicMock
def test_unknown_model_is_refused(client):
    with pytest.raises(ValueError):
        client.chat(model="kimi-k2.6-thinking")
def test_answer():
    fake = {"id": "chatcmpl-1", "object": "chat.completion", "model": "kimi-k2-fake", "choices": []}
    assert parse(fake).model == "kimi-k2-fake"
    assert normalize("Kimi-K2.6") == "kimi-k2.6"
