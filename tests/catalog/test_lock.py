"""The record in a lock file, where it is found, and what is said about one that cannot be used."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.catalog import lock
from moongate.errors import ConfigError

TEXT = """\
version = 1
default = "moonshot"

[aliases]
"k2.6" = { moonshot = "kimi-k2.6", openrouter = "moonshotai/kimi-k2.6" }
best = { moonshot = "kimi-k3" }

[endpoints.moonshot]
base_url = "https://api.moonshot.ai/v1"
listed_at = 2026-11-25T03:14:35Z
sha256 = "00ff"
total = 3
listed = ["kimi-k2.5", "kimi-k2.6", "kimi-k3"]

[endpoints.moonshot.ids]
"kimi-k2.5" = { context = 262144, inputs = ["text", "image"], reasoning = true }
"kimi-k2.6" = {}
"""


def test_what_a_lock_says(tmp_path: Path) -> None:
    (tmp_path / "moongate.lock").write_text(TEXT)
    found = lock.read(tmp_path / "moongate.lock")
    assert found.default_provider == "moonshot" and found.providers == ("moonshot", "openrouter")
    assert found.ids_at("moonshot") == {"kimi-k2.5", "kimi-k2.6", "kimi-k3"}
    assert found.ids_at("openrouter") == {"moonshotai/kimi-k2.6"} and not found.ids_at("aimlapi")
    pinned = found.endpoints["moonshot"].ids
    assert list(found.pins("moonshot")) == [
        ("kimi-k2.6", "k2.6", pinned["kimi-k2.6"]),
        ("kimi-k3", "best", None),
        ("kimi-k2.5", None, pinned["kimi-k2.5"]),
    ]
    assert (pinned["kimi-k2.5"].context, pinned["kimi-k2.5"].inputs) == (262144, ("text", "image"))
    assert pinned["kimi-k2.6"].reasoning is None


def test_the_only_provider_is_the_default() -> None:
    one = lock.lock_from({"version": 1, "aliases": {"a": {"mine": "x"}}}, where="moongate.lock")
    assert one.default_provider == "mine"
    two = lock.lock_from({"version": 1, "aliases": {"a": {"mine": "x", "moonshot": "y"}}}, where="moongate.lock")
    assert two.default_provider is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with a version"),
        ("version = true", "does not begin with a version"),
        ("version = 2", "newer moongate"),
        ("version = 0", "Lock anew"),
        ("version = 1\n[aliases\n", "line 2"),
        ("version = 1\nmore = 1", "unknown field `more`"),
        ("version = 1\n[aliases]\na = 1", r"got `int` in `aliases"),
        ('version = 1\n[aliases]\na = {moonshot = "x\\u001b[2J"}', "neither an id nor a name"),
        ('version = 1\n[aliases]\n" " = {moonshot = "x"}', "neither an id nor a name"),
        ('version = 1\n[endpoints.moonshot]\nbase_url = "x"', "missing required field"),
        (TEXT.replace("03:14:35Z", "03:14:35"), "timezone"),
        (TEXT.replace("262144", "0"), ">= 1"),
        (TEXT.replace("262144", "9" * 40), "<= 9007199254740992"),
    ],
)
def test_a_lock_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "moongate.lock"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        lock.read(path)
    assert caught.value.exit_code == 2 and "moongate.lock" in caught.value.message
    assert "\x1b" not in str(caught.value)


def test_the_nearest_lock_is_found_as_far_as_the_repository_goes(tmp_path: Path) -> None:
    inner = tmp_path / "repository" / "packages" / "one"
    inner.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    (tmp_path / "moongate.lock").write_text("version = 1\n")  # outside of the repository: somebody else's
    assert lock.find(inner, tmp_path / "home") is None
    (tmp_path / "repository" / "moongate.lock").write_text("version = 1\n")
    assert lock.find(inner, tmp_path / "home") == tmp_path / "repository" / "moongate.lock"
    (inner / "moongate.lock").write_text("version = 1\n")
    assert lock.find(inner, tmp_path / "home") == inner / "moongate.lock"


def test_another_user_s_lock_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "moongate.lock").write_text("version = 1\n")
    assert lock.find(tmp_path, tmp_path) is not None
    assert lock.find(tmp_path, tmp_path, uid=os.getuid() + 1) is None


@given(st.binary(max_size=200) | st.text().map(lambda text: f"version = 1\n{text}".encode()))
def test_whatever_stands_there_is_a_lock_or_a_mistake_that_is_said(tmp_path_factory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "moongate.lock"
    path.write_bytes(content)
    with contextlib.suppress(ConfigError):
        assert isinstance(lock.read(path), lock.Lock)
