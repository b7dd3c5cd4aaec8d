"""An id is judged at the endpoint that it is meant for, and the finding says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Codes = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("kimi-k2.6", None),
        ("moonshotai/kimi-k2.6", "MG002"),
        ("moonshot/kimi-k2-6", "MG002"),
        ("moonshot/kimi-k2.6", "MG002"),
        ("kimi-k2-0711-preview", "MG003"),
        ("kimi-k2.6-thinking", "MG004"),
        ("Kimi-K2.6", "MG005"),
        ("kimi-k2-6", "MG005"),
        ("kimi-k2.66", "MG001"),
        ("gpt-4o", "MG001"),
    ],
)
def test_each_fault_has_its_code(codes: Codes, model: str, code: str | None) -> None:
    source = f"""
        from openai import OpenAI
        client = OpenAI(base_url="https://api.moonshot.ai/v1")
        client.chat.completions.create(model="{model}", messages=[])
    """
    assert codes("a.py", source) == ([f"4:{code}"] if code else [])


def test_a_foreign_id_is_right_at_its_own_endpoint_and_at_a_gateway(codes: Codes) -> None:
    for url, model in [
        ("https://openrouter.ai/api/v1", "moonshotai/kimi-k2.6"),
        ("https://api.aimlapi.com/v1", "moonshot/kimi-k2-6"),
        ("http://localhost:4000", "moonshotai/kimi-k2.6"),
        ("https://llm.corp.example.com/v1", "anything/kimi-k2.6-thinking"),
    ]:
        assert codes("a.py", f'c = OpenAI(base_url="{url}")\nc.chat.completions.create(model="{model}")\n') == [], url


def test_a_constant_is_judged_where_it_is_used(codes: Codes) -> None:
    source = """
        MODEL = "kimi-k2.6"
        one = OpenAI(base_url="https://api.moonshot.ai/v1")
        two = OpenAI(base_url="https://openrouter.ai/api/v1")
        def ask():
            return two.chat.completions.create(model=MODEL)
    """
    assert codes("a.py", source) == ["2:MG002"]


def test_comparisons_prose_and_lists_of_bad_ids_are_no_uses(codes: Codes) -> None:
    source = '''
        """kimi-k2-0711-preview was retired."""
        client = OpenAI(base_url="https://api.moonshot.ai/v1")  # not kimi-k2.6-thinking
        RETIRED = ["kimi-k2-0711-preview", "kimi-latest"]
        RENAMED = {"kimi-k2-0905-preview": "kimi-k2.6"}
        if model == "kimi-k2.5":
            print("kimi-k2.5 is gone")
        with pytest.raises(ValueError):
            client.chat.completions.create(model="kimi-k2.6-thinking")
    '''
    assert codes("a.py", source) == []
