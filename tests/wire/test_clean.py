"""What comes from outside cannot drive a terminal, and carries no secrets on."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.wire.clean import excerpt, printable, redact

hostile = st.lists(
    st.sampled_from(
        ["\x1b", "\x9b", "[", "]", "0;31", "m", "8;;", "\x07", "\\", "\r", "\u202e", "P", "a", "\n", "\t"]
    )
    | st.characters(),
    max_size=30,
).map("".join)


@given(hostile)
def test_printable_leaves_nothing_that_drives_a_terminal(text: str) -> None:
    left = printable(text)
    assert not {c for c in left if unicodedata.category(c) == "Cc"} - {"\n", "\t"}
    assert not set(left) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert printable(left) == left and "\n" not in excerpt(text) and len(excerpt(text, 20)) <= 20


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cf", "Cs"]) | st.sampled_from("\n\t")))
def test_plain_text_is_left_alone(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jx", "x"),
        ("\x1bPdcs\x1b\\x", "x"),
        ("kimi\u202e6.2k", "kimi6.2k"),
        ("a\rb\x08c", "abc"),
    ],
)
def test_sequences_go_whole(text: str, left: str) -> None:
    assert printable(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Your account org-0123456789abcdef <ak-test> is", "Your account org-[redacted] <ak-[redacted]> is"),
        (
            "account org-0123456789abcdef<ak-0123456789abcdef> request",
            "account org-[redacted]<ak-[redacted]> request",
        ),
        ("Incorrect API key: sk-or-v1-abc_DEF", "Incorrect API key: sk-[redacted]"),
        ("Authorization: Bearer abcdefgh12", "Authorization: Bearer [redacted]"),
        ("https://me:secret@proxy.example:1/", "https://[redacted]proxy.example:1/"),
        ("a task-manager at the desk-lamp", "a task-manager at the desk-lamp"),
    ],
)
def test_identifiers_are_redacted(text: str, left: str) -> None:
    assert redact(text) == left


def test_given_secrets_are_taken_out_literally() -> None:
    assert redact("key b747e891847f4c3f!", ("", "b747e891847f4c3f")) == "key [key]!"
