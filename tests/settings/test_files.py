"""Configuration files: which are found, and what a project file may say before its user trusts it."""

from __future__ import annotations

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moongate.errors import ConfigError, StorageError, UntrustedProjectError
from moongate.settings import Settings
from moongate.settings.files import find_project_file, is_trusted, private_write, read, trust

Decide = Callable[..., Settings]
KEY = {"MOONSHOT_API_KEY": "sk-aaaaaaaa"}

FORBIDDEN = [
    'base_url = "https://evil.example/v1"',
    'guard = "off"',
    'guard = "warn"',
    "insecure_http = true",
    "timeout = 5",
    "list_timeout = 5",
    'ca_file = "evil.pem"',
    'cache_dir = "c"',
    'data_dir = "d"',
    'provider = "mine"',
    '[providers.mine]\nbase_url = "https://evil.example/v1"\nkey_env = "MINE_KEY"',
    "[gateway]\nport = 1",
]
ALLOWED = ['provider = "moonshot"', 'model = "kimi-k2.6"', 'guard = "strict"', '[aliases.best]\nmoonshot = "kimi-k3"',
           "[lint]", ""]  # fmt: skip


@pytest.mark.parametrize("name", ["moongate.toml", "pyproject.toml"])
@pytest.mark.parametrize("text", FORBIDDEN)
def test_an_untrusted_project_may_not(decide: Decide, folders: dict[str, Path], name: str, text: str) -> None:
    path = folders["work"] / name
    said = text.replace("[", "[tool.moongate.") if text.startswith("[") else f"[tool.moongate]\n{text}"
    path.write_text(said if name == "pyproject.toml" else text)
    with pytest.raises(UntrustedProjectError, match="moongate config trust") as caught:
        decide(KEY)
    assert str(path) in str(caught.value) and caught.value.exit_code == 2
    trust(path, folders["config"])
    try:
        decide(KEY)
    except UntrustedProjectError:
        pytest.fail("a trusted file was refused as untrusted")
    except ConfigError:
        assert 'provider = "mine"' in text  # trusted, and still there is no such provider
    path.write_text(path.read_text() + "\n# changed\n")
    with pytest.raises(UntrustedProjectError):
        decide(KEY)


@pytest.mark.parametrize("text", ALLOWED)
def test_an_untrusted_project_may(decide: Decide, folders: dict[str, Path], text: str) -> None:
    (folders["work"] / "moongate.toml").write_text(text)
    assert decide(KEY).row.name == "moonshot"


def test_a_file_named_by_the_user_stands_alone(decide: Decide, folders: dict[str, Path], tmp_path: Path) -> None:
    (folders["work"] / "moongate.toml").write_text('guard = "off"')
    (folders["config"] / "config.toml").write_text('model = "user"')
    (tmp_path / "mine.toml").write_text('guard = "warn"\n[gateway]\nport = 1\n')
    settings = decide(KEY, config=str(tmp_path / "mine.toml"))
    assert (settings.guard, settings.model, settings.gateway) == ("warn", None, {"port": 1})
    with pytest.raises(ConfigError, match="cannot be read"):
        decide(KEY, config=str(tmp_path / "missing.toml"))


def test_the_nearest_file_within_the_repository_counts(folders: dict[str, Path]) -> None:
    home, work = folders["home"], folders["work"]
    assert find_project_file(work, home) is None
    (home.parent / "moongate.toml").write_text("")  # above the home folder
    assert find_project_file(work, home) is None
    (home / "moongate.toml").write_text("")
    assert find_project_file(work, home) == home / "moongate.toml"
    (work.parent / ".git").mkdir()
    assert find_project_file(work, home) is None  # the repository's root ends the search
    (work.parent / "pyproject.toml").write_text("[tool.moongate]\n")
    assert find_project_file(work, home) == work.parent / "pyproject.toml"
    (work / "pyproject.toml").write_text("[tool.other]\n")
    assert find_project_file(work, home) == work.parent / "pyproject.toml"
    (work / "moongate.toml").write_text("")
    assert find_project_file(work, home) == work / "moongate.toml"
    assert find_project_file(work / "missing", home) is None


def test_what_another_user_owns_is_ignored(folders: dict[str, Path]) -> None:
    path = folders["work"] / "moongate.toml"
    path.write_text('guard = "off"')
    assert find_project_file(folders["work"], folders["home"], uid=path.stat().st_uid) == path
    assert find_project_file(folders["work"], folders["home"], uid=path.stat().st_uid + 1) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model = ", "not valid TOML"),
        ("colour = 1", "unknown setting 'colour'"),
        ("model = 7", "model is 7"),
        ('model = ""', "empty"),
        ("guard = true", "guard is True"),
        ("timeout = true", "timeout is True"),
        ('insecure_http = "yes"', "expected true or false"),
        ("providers = 7", "expected a table"),
        ("[aliases]\nbest = 7", "aliases"),
        ('[aliases]\nbest = "kimi-k3"', "aliases"),
        ("[aliases.best]\nmoonshot = 7", "aliases"),
    ],
)
def test_files_are_checked_and_named(decide: Decide, folders: dict[str, Path], text: str, told: str) -> None:
    path = folders["config"] / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told) as caught:
        decide(KEY)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00", b"#" * (1024 * 1024 + 1)])
def test_files_that_are_no_text(folders: dict[str, Path], content: bytes) -> None:
    path = folders["config"] / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        read(path)


@pytest.mark.parametrize(
    "text", ["tool = 7", "[tool]\nmoongate = 7", "[tool.other]", "[project]\nname = 'x'", "broken ="]
)
def test_a_pyproject_that_is_not_ours_does_no_harm(decide: Decide, folders: dict[str, Path], text: str) -> None:
    (folders["work"] / "pyproject.toml").write_text(text)
    if "moongate" in text:
        with pytest.raises(ConfigError):
            decide(KEY)
    else:
        assert decide(KEY).row.name == "moonshot"


def test_aliases_of_both_files_count(decide: Decide, folders: dict[str, Path]) -> None:
    (folders["config"] / "config.toml").write_text('[aliases.a]\nmoonshot = "x"\n[aliases.b]\nmoonshot = "y"\n')
    (folders["work"] / "moongate.toml").write_text('[aliases.a]\nmoonshot = "z"\n')
    assert decide(KEY).aliases == {"a": {"moonshot": "z"}, "b": {"moonshot": "y"}}


def test_trust_is_for_a_path_and_its_content(folders: dict[str, Path]) -> None:
    path, other = folders["work"] / "moongate.toml", folders["home"] / "moongate.toml"
    for file in (path, other):
        file.write_text('guard = "off"')
    assert not is_trusted(path, folders["config"])
    trust(path, folders["config"])
    assert is_trusted(path, folders["config"]) and not is_trusted(other, folders["config"])
    assert stat.S_IMODE((folders["config"] / "trusted.json").stat().st_mode) == 0o600
    trust(other, folders["config"])
    assert is_trusted(path, folders["config"]) and is_trusted(other, folders["config"])
    path.write_text("broken = ")
    with pytest.raises(ConfigError):
        trust(path, folders["config"])
    (folders["config"] / "trusted.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"trusted\.json"):
        is_trusted(path, folders["config"])


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        private_write(tmp_path / "file" / "x", b"")


LOCK = (
    'version = 1\n[aliases]\na = { moonshot = "locked" }\nb = { moonshot = "locked" }\nc = { moonshot = "locked" }\n'
)


def test_a_lock_pins_above_the_user_s_file_and_below_the_project_s(decide: Decide, folders: dict[str, Path]) -> None:
    (folders["config"] / "config.toml").write_text('[aliases.a]\nmoonshot = "x"\n[aliases.d]\nmoonshot = "y"\n')
    (folders["work"] / "moongate.lock").write_text(LOCK)
    (folders["work"] / "moongate.toml").write_text('[aliases.b]\nmoonshot = "z"\n')
    settings = decide(KEY)
    assert {name: ids["moonshot"] for name, ids in settings.aliases.items()} == {
        "a": "locked",
        "b": "z",
        "c": "locked",
        "d": "y",
    }
    whose = {name: Path(path).name for name, path in settings.alias_files.items()}
    assert whose == {"a": "moongate.lock", "b": "moongate.toml", "c": "moongate.lock"}
    trust(folders["work"] / "moongate.toml", folders["config"])
    assert set(decide(KEY).alias_files) == {"a", "c"}


def test_a_lock_counts_beside_a_file_that_is_named(decide: Decide, folders: dict[str, Path], tmp_path: Path) -> None:
    (folders["work"] / "moongate.lock").write_text(LOCK)
    named = tmp_path / "named.toml"
    named.write_text('[aliases.a]\nmoonshot = "named"\n')
    settings = decide(KEY, config=str(named))
    assert {name: ids["moonshot"] for name, ids in settings.aliases.items()} == {
        "a": "named",
        **dict.fromkeys("bc", "locked"),
    }
    assert set(settings.alias_files) == {"b", "c"}


def test_a_lock_that_is_broken_stops(decide: Decide, folders: dict[str, Path]) -> None:
    (folders["work"] / "moongate.lock").write_text("version = 1\n[aliases\n")
    with pytest.raises(ConfigError, match=r"moongate\.lock.*line 2"):
        decide(KEY)


def test_of_two_that_are_trusted_at_once_none_is_lost(folders: dict[str, Path]) -> None:
    paths = [folders["work"] / f"{number}.toml" for number in range(12)]
    for path in paths:
        path.write_text('model = "m"')
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda path: trust(path, folders["config"]), paths))
    assert all(is_trusted(path, folders["config"]) for path in paths)
