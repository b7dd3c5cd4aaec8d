from __future__ import annotations

import io
import sys

import keyring
import pytest
from keyring.backend import KeyringBackend


class InMemory(KeyringBackend):
    """A keyring that forgets."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def vault():
    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    yield keyring.get_keyring()
    keyring.set_keyring(before)


def test_every_setting_says_where_it_came_from(moongate, server, monkeypatch) -> None:
    monkeypatch.setenv("MOONGATE_MODEL", "kimi-k2.6")
    shown = moongate("config", "show", "--json").json
    assert shown["provider"] == {"value": "moonshot", "from": "MOONSHOT_API_KEY is set"}
    assert shown["base_url"] == {"value": server.base_url, "from": "MOONSHOT_BASE_URL"}
    assert shown["model"] == {"value": "kimi-k2.6", "from": "MOONGATE_MODEL"}
    assert shown["guard"] == {"value": "strict", "from": "default"}


def test_the_key_is_shown_as_a_fingerprint(moongate, server) -> None:
    ran = moongate("config", "show")
    assert server.key not in ran.out
    assert "MOONSHOT_API_KEY" in ran.out


def test_a_stored_key_is_used(moongate, server, vault, monkeypatch) -> None:
    monkeypatch.delenv("MOONSHOT_API_KEY")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{server.key}\n"))
    ran = moongate("config", "set-key", "moonshot")
    assert ran.code == 0
    assert server.key not in ran.out + ran.err
    assert vault.kept == {("moongate", "moonshot"): server.key}
    assert moongate("models", "-p", "moonshot").code == 0


def test_a_key_of_nobody(moongate) -> None:
    assert moongate("config", "set-key", "openai").code == 2


def test_an_upstream_of_the_gateway_has_a_key_of_its_own(moongate, vault, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("sk-team\n"))
    ran = moongate("config", "set-key", "--upstream", "team-main")
    assert (ran.code, vault.get_password("moongate", "team-main")) == (0, "sk-team")
    assert "keyring = 'team-main'" in ran.err


def test_trust_makes_a_project_file_count(moongate, server, monkeypatch, tmp_path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "moongate.toml").write_text('guard = "warn"\nmodel = "no-such"\n')
    monkeypatch.chdir(tmp_path)
    refused = moongate("models")
    assert refused.code == 2
    assert "moongate config trust" in refused.err
    assert moongate("config", "trust", "moongate.toml").code == 0
    assert moongate("models").code == 0
    (tmp_path / "moongate.toml").write_text('guard = "off"\n')
    assert moongate("models").code == 2


def test_the_path_of_the_settings(moongate) -> None:
    assert moongate("config", "path").out.strip().endswith("config.toml")
