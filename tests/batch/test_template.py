"""A template says what a row says, and can do nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.batch.template import Template
from moongate.errors import UsageError


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Translate {text} into {lang}.", "Translate a {b} into en."),
        ("{ text }", "a {b}"),
        ('{{"x": "{lang}"}}', '{"x": "en"}'),
        ("{{{lang}}}", "{en}"),
        ("{a.b} {c[0]} {d!r}", "1 2 3"),
        ("{none}|{number}|{list}|{flag}", '|1.5|["x"]|true'),
        ("no columns", "no columns"),
        ("", ""),
    ],
)
def test_what_it_says(source: str, text: str) -> None:
    row = {"text": "a {b}", "lang": "en", "a.b": 1, "c[0]": "2", "d!r": "3", "none": None, "number": 1.5}
    assert Template.of(source).filled({**row, "list": ["x"], "flag": True}) == text


@pytest.mark.parametrize("source", ["{", "}", "a } b", "{}", "{ }", "{a\nb}", "{a{b}}", "{{}"])
def test_stray_braces(source: str) -> None:
    with pytest.raises(UsageError, match="names no column") as raised:
        Template.of("fine\n" + source)
    assert "Line 2" in raised.value.message and "{{ or }}" in raised.value.advice


def test_an_unknown_column() -> None:
    with pytest.raises(UsageError, match="'txt'") as raised:
        Template.of("{txt}").filled({"text": "", "lang": ""})
    assert "'text', 'lang'" in raised.value.message and "Did you mean 'text'?" in raised.value.advice


@given(st.text())
def test_any_text_can_be_written(text: str) -> None:
    assert Template.of(text.replace("{", "{{").replace("}", "}}")).filled({}) == text
    assert Template.of("{x}").filled({"x": text}) == text
