"""Keys in a keyring: kept, found, and quietly absent where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import pytest

from moongate.errors import ConfigError, KeyMalformedError
from moongate.facts.keys import Key
from moongate.settings import Settings, vault


class InMemory(keyring.backend.KeyringBackend):
    """A keyring that forgets when the process ends."""

    priority: ClassVar[float] = 0  # type: ignore[misc]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def memory() -> Iterator[InMemory]:
    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    yield keyring.get_keyring()  # type: ignore[misc]
    keyring.set_keyring(before)


def test_a_stored_key_is_found_where_no_variable_says_one(memory: InMemory, decide: Callable[..., Settings]) -> None:
    vault.store("moonshot", Key("sk-aaaaaaaa", source="stdin"))
    assert memory.kept == {("moongate", "moonshot"): "sk-aaaaaaaa"}
    key = decide(provider="moonshot").key
    assert key is not None and (key.reveal(), key.source) == ("sk-aaaaaaaa", "the system keyring")
    assert decide(provider="openrouter").key is None
    said = decide({"MOONSHOT_API_KEY": "sk-bbbbbbbb"}).key
    assert said is not None and said.source == "MOONSHOT_API_KEY"


def test_a_stored_key_follows_the_row_not_the_name(memory: InMemory, decide: Callable[..., Settings]) -> None:
    vault.store("moonshot", Key("sk-aaaaaaaa", source="stdin"))
    assert decide(provider="moonshot", base_url="https://api.moonshot.cn/v1").key is None
    assert decide(base_url="http://127.0.0.1:9/v1").key is None


def test_a_stored_key_that_is_malformed_is_not_echoed(memory: InMemory, decide: Callable[..., Settings]) -> None:
    memory.kept["moongate", "moonshot"] = "sk-aaaaaaaa\n"
    with pytest.raises(KeyMalformedError) as caught:
        decide(provider="moonshot")
    assert "aaaa" not in str(caught.value)


def test_no_keyring_is_no_key(memory: InMemory, decide: Callable[..., Settings]) -> None:
    for backend in (keyring.backends.fail.Keyring(), keyring.backends.null.Keyring()):
        keyring.set_keyring(backend)
        assert decide(provider="moonshot").key is None
    keyring.set_keyring(keyring.backends.fail.Keyring())
    with pytest.raises(ConfigError, match="no keyring"):
        vault.store("moonshot", Key("sk-aaaaaaaa", source="stdin"))


def test_a_keyring_that_does_not_keep_is_found_out(memory: InMemory) -> None:
    keyring.set_keyring(keyring.backends.null.Keyring())
    with pytest.raises(ConfigError, match=r"did not keep it: keyring\.backends\.null\.Keyring") as caught:
        vault.store("moonshot", Key("sk-aaaaaaaa", source="stdin"))
    assert "aaaa" not in str(caught.value)


class Failing(InMemory):
    """A keyring that cannot be read for a reason of its own."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (keyring.errors.KeyringLocked("sk-secret"), "The system's keyring is locked. Unlock it, or keep the key"),
        (RuntimeError("sk-secret"), "cannot be used: its backend failed (RuntimeError)"),
        (keyring.errors.NoKeyringError("sk-secret"), "This machine has no keyring that can keep a key."),
    ],
)
def test_a_keyring_that_fails_is_not_taken_for_one_without_the_key(
    memory: InMemory,
    decide: Callable[..., Settings],
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    said: str,
) -> None:
    keyring.set_keyring(Failing(error))
    with pytest.raises(ConfigError) as caught:
        vault.stored("team")
    assert said in str(caught.value)
    assert "sk-secret" not in str(caught.value)
    assert decide(provider="moonshot").key is None  # where no key was asked for by name it is only said
    assert (said in caplog.text) == (not isinstance(error, keyring.errors.NoKeyringError))
