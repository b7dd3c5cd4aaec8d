"""A key is checked without being repeated, and never printed."""

from __future__ import annotations

import pickle

import pytest

from moongate.errors import KeyMalformedError
from moongate.facts.keys import Key

SECRET = "sk-0123456789abcdefSECRET"


@pytest.mark.parametrize(
    ("secret", "fault"),
    [
        ("", "empty"),
        (SECRET + "\n", "line break"),
        (" " + SECRET, "blank"),
        ("Bearer " + SECRET, "blank"),
        (f'"{SECRET}"', "quotation"),
        (f"'{SECRET}", "quotation"),
        (SECRET + "\u200b", "no key has"),
        (SECRET + "\x00", "no key has"),
        ("MOONSHOT_API_KEY=" + SECRET, "begins with a variable's name"),
        (SECRET * 400, "longer"),
    ],
)
def test_a_malformed_key_is_refused_unrepeated(secret: str, fault: str) -> None:
    with pytest.raises(KeyMalformedError, match=fault) as caught:
        Key(secret, source="MOONSHOT_API_KEY")
    assert "SECRET" not in str(caught.value) and "MOONSHOT_API_KEY" in str(caught.value)


def test_a_key_shows_its_fingerprint_only() -> None:
    key = Key(SECRET, source="api_key")
    assert SECRET not in f"{key} {key!r} {[key]}" and key.fingerprint in repr(key) and len(key.fingerprint) == 8
    assert key == Key(SECRET, source="elsewhere") and key.reveal() == SECRET
    with pytest.raises(TypeError):
        pickle.dumps(key)
