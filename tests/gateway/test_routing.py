"""A gateway over several upstreams: what it lists is what it serves, at the upstream that the name says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moongate.gateway import config
from moongate.settings.load import Flags
from moongate.testing import MoonshotServer

TABLE = """
[aliases.quick]
moonshot = "kimi-k2.7-code"

[gateway.upstreams.main]
provider = "moonshot"
base_url = "{main}"
key_env = "MAIN_KEY"

[gateway.upstreams.spare]
provider = "openrouter"
base_url = "{spare}"
key_env = "SPARE_KEY"
models = ["moonshotai/kimi-k2.6"]

[gateway.routes]
best = ["main/kimi-k2.6", "spare/moonshotai/kimi-k2.6"]
"""


@dataclass(frozen=True)
class Two:
    """A gateway and its two upstreams."""

    client: Any
    main: MoonshotServer
    spare: MoonshotServer

    def asked(self) -> list[tuple[str, str, str]]:
        """Where chats went: upstream, model in the body, key."""
        named = (("main", self.main), ("spare", self.spare))
        return [
            (name, request.json()["model"], request.headers["authorization"].removeprefix("Bearer "))
            for name, server in named
            for request in server.requests
            if request.method == "POST"
        ]


@pytest.fixture
def two(tmp_path: Path, kit: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    with ExitStack() as stack:
        main = stack.enter_context(MoonshotServer(models=["kimi-k2.6", "kimi-k2.7-code"]))
        rows = ["moonshotai/kimi-k2.6", "moonshotai/kimi-k3"]
        spare = stack.enter_context(MoonshotServer(models=rows, dialect="openrouter"))
        monkeypatch.setenv("MAIN_KEY", main.key)
        monkeypatch.setenv("SPARE_KEY", spare.key)
        path = tmp_path / "gate.toml"
        path.write_text(TABLE.format(main=main.base_url, spare=spare.base_url))
        found = config.read(Flags(config=str(path)))
        client = stack.enter_context(kit.gateway(found))
        yield Two(client, main, spare)


WIRE_IDS = {"quick": "kimi-k2.7-code", "kimi-k2.7-code": "kimi-k2.7-code"}


def listed(client: Any) -> list[str]:
    return [row["id"] for row in client.ask("GET", "/v1/models").json()["data"]]


def test_every_spelling_that_is_listed_is_served_where_it_says(two: Two, kit: Any) -> None:
    names = listed(two.client)
    assert sorted(names) == sorted(
        [
            *("kimi-k2.6", "main/kimi-k2.6", "moonshot/kimi-k2.6"),
            *("kimi-k2.7-code", "main/kimi-k2.7-code", "moonshot/kimi-k2.7-code"),
            *("quick", "main/quick", "moonshot/quick"),
            *("moonshotai/kimi-k2.6", "spare/moonshotai/kimi-k2.6", "openrouter/moonshotai/kimi-k2.6"),
            "best",
        ]
    )
    for name in names:
        two.main.forget()
        two.spare.forget()
        assert two.client.chat(kit.body(model=name)).status == 200, name
        ((upstream, wire_id, key),) = two.asked()
        assert key == {"main": two.main.key, "spare": two.spare.key}[upstream]
        assert (upstream == "spare") is ("moonshotai/" in name)
        expected = WIRE_IDS.get(name.split("/")[-1], "kimi-k2.6")
        assert wire_id == ("moonshotai/" + expected if upstream == "spare" else expected)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("kimi-k2-6", "kimi-k2.6"),
        ("main/kimi-k2-6", "kimi-k2.6"),
        ("main/moonshotai/kimi-k2.6", "kimi-k2.6"),
        ("moonshotai/kimi-k3", "kimi-k2.6"),  # listed there, not let through
        ("spare/kimi-k2.6", "moonshotai/kimi-k2.6"),
        ("nowhere/kimi-k2.6", "kimi-k2.6"),
    ],
)
def test_everything_else_is_refused_before_anything_is_sent(two: Two, kit: Any, wrong: str, hint: str) -> None:
    got = two.client.chat(kit.body(model=wrong))
    assert (got.status, got.error["type"]) == (404, "resource_not_found_error")
    assert hint in got.error["suggestions"]
    assert two.asked() == []


def test_an_ending_that_the_provider_takes_is_told_and_taken(two: Two, kit: Any) -> None:
    rows = {row["id"]: row for row in two.client.ask("GET", "/v1/models").json()["data"]}
    assert ":nitro" in rows["spare/moonshotai/kimi-k2.6"]["suffixes"]
    assert "suffixes" not in rows["kimi-k2.6"]


def test_tokens_are_counted_by_the_upstream_that_is_named(two: Two) -> None:
    path, messages = "/v1/tokenizers/estimate-token-count", [{"role": "user", "content": "hi"}]
    assert two.client.ask("POST", path, {"model": "quick", "messages": messages}).status == 200
    assert two.asked() == [("main", "kimi-k2.7-code", two.main.key)]
    other = two.client.ask("POST", path, {"model": "spare/moonshotai/kimi-k2.6", "messages": messages})
    assert (other.status, other.error["type"]) == (403, "permission_denied_error")


def test_the_page_shows_each_upstream_and_no_key(two: Two, kit: Any) -> None:
    listed(two.client)
    page = two.client.ask("GET", "/").body.decode()
    assert page.count("<h2>") == 2
    assert two.main.key not in page
    assert "moonshotai/kimi-k3" not in page
    assert os.environ["MAIN_KEY"] == two.main.key
