"""A gateway's configuration: upstreams with their keys, every fault with its line, and whose word counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from moongate.errors import ConfigError, KeyMissingError, UntrustedProjectError
from moongate.gateway import config
from moongate.settings.load import Flags, load

GOOD = """
[gateway]
hosts = ["Gate.example"]

[gateway.upstreams.main]
provider = "moonshot"
key_env = "TEAM_KEY"
models = ["kimi-k2.6"]
rpm = 60

[gateway.upstreams.spare]
provider = "openrouter"
key_file = "KEY_FILE"

[gateway.routes]
best = ["main/kimi-k2.6", "spare/moonshotai/kimi-k2.6"]
plain = "main/kimi-k2.6"
"""
Write = Callable[[str], Flags]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a configuration file and return the flags that name it."""
    secret = tmp_path / "secret"
    secret.write_text("sk-or-spare\n")
    monkeypatch.setenv("TEAM_KEY", "sk-team")

    def writing(text: str) -> Flags:
        path = tmp_path / "gate.toml"
        path.write_text(text.replace("KEY_FILE", str(secret)))
        return Flags(config=str(path))

    return writing


def test_upstreams_have_their_own_keys_and_addresses(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_BASE_URL", "http://127.0.0.1:1/v1")  # not where a configured upstream is
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-another")
    found = config.read(write(GOOD))
    main, spare = found.sources
    assert (main.name, main.settings.row.base_url) == ("main", "https://api.moonshot.ai/v1")
    assert main.settings.key is not None
    assert (main.settings.key.reveal(), main.settings.key.source) == ("sk-team", "TEAM_KEY")
    assert (main.only, main.limits.rpm) == (frozenset({"kimi-k2.6"}), 60)
    assert spare.settings.key is not None
    assert spare.settings.key.reveal() == "sk-or-spare"
    assert found.options.routes["best"] == ("main/kimi-k2.6", "spare/moonshotai/kimi-k2.6")
    assert found.options.routes["plain"] == ("main/kimi-k2.6",)
    assert found.options.hosts == ("gate.example",)
    assert found.title == "Moonshot, OpenRouter"
    assert config.findings(write(GOOD)) == ()
    assert config.read(write(GOOD)).sources == found.sources  # equal, so that a reload keeps them


def test_the_host_decides_the_row_here_too(write: Write) -> None:
    text = GOOD.replace('"moonshot"', '"moonshot"\nbase_url = "https://api.moonshot.cn/v1"')
    row = config.read(write(text)).sources[0].settings.row
    assert (row.name, row.currency) == ("moonshot-cn", "CNY")


def test_without_upstreams_or_with_a_flag_it_is_the_one_provider(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-mine")
    (source,) = config.read(write("[gateway]\naccess_log = true")).sources
    assert source.name == "moonshot"
    flags = Flags(config=write(GOOD).config, provider="moonshot")
    (source,) = config.read(flags).sources
    assert source.settings.key is not None
    assert source.settings.key.reveal() == "sk-mine"
    assert config.single(load(Flags(provider="moonshot"))).sources[0].name == "moonshot"


FAULTY = """\
[gateway]
cors_origins = [
    "*",
]
colour = "red"
max_body_bytes = 0

[gateway.upstreams.main]
provider = "moonshot"
key_env = "NOT_SET"
rpm = "many"

[gateway.upstreams."a b"]
provider = "moonshot"
key_env = "TEAM_KEY"

[gateway.upstreams.openrouter]
provider = "moonshot"
key_env = "TEAM_KEY"

[gateway.upstreams.two]
provider = "moonshot"
key_env = "TEAM_KEY"
key_file = "/nowhere"

[gateway.upstreams.nobody]
key_env = "TEAM_KEY"

[gateway.upstreams.elsewhere]
provider = "nothing"

[gateway.upstreams.plain]
provider = "moonshot"
base_url = "http://api.example.org/v1"
key_file = "relative"

[gateway.upstreams.unset]
provider = "moonshot"
key_env = "NOT_SET"

[gateway.upstreams.gone]
provider = "moonshot"
key_file = "/nowhere/at/all"

[gateway.routes]
best = ["nowhere/kimi-k2.6"]
none = []
bare = "main"

[gateway.upstreams.shut]
provider = "moonshot"
key_env = "TEAM_KEY"
models = []
"""
EXPECTED = [
    (2, "cors_origins"),
    (5, "unknown setting 'colour'"),
    (6, "max_body_bytes is 0"),
    (11, "rpm is 'many'"),
    (13, "'a b' cannot name an upstream"),
    (17, "has the name of another provider"),
    (24, "has key_env and key_file"),
    (26, "does not say which provider"),
    (30, "There is no provider 'nothing'"),
    (35, "is not an absolute path"),
    (39, "The variable NOT_SET is not set"),
    (43, "cannot be read: No such file"),
    (46, "begins with no upstream's name"),
    (47, "'none' is []"),
    (48, "'bare' is 'main', expected \"upstream/id\""),
    (53, "nothing is let through"),
]


def test_every_fault_is_told_with_its_line(write: Write) -> None:
    flags = write(FAULTY)
    found = config.findings(flags)
    assert [finding.line for finding in found] == [line for line, _ in EXPECTED]
    for finding, (line, words) in zip(found, EXPECTED, strict=True):
        assert words in finding.fault.message
        assert str(finding).startswith(f"{flags.config}:{line}: [gateway") or "cannot name" in str(finding)
    with pytest.raises(ConfigError, match=r"gate\.toml:2: \[gateway\] cors_origins"):
        config.read(flags)


def test_an_address_that_cannot_be_used_is_named_as_the_table_has_it(write: Write) -> None:
    (finding,) = config.findings(write(GOOD.replace('"moonshot"', '"moonshot"\nbase_url = "http://far.example/v1"')))
    assert "[gateway.upstreams.main]: base_url" in finding.fault.message
    assert finding.line == 7


def test_a_key_that_the_keyring_does_not_have_is_a_finding(write: Write) -> None:
    (finding,) = config.findings(write(GOOD.replace('key_env = "TEAM_KEY"', 'keyring = "team"')))
    assert "has no key 'team'" in finding.fault.message
    assert "set-key --upstream team" in finding.fault.advice


@pytest.mark.parametrize("text", ["[gateway\n", "[gateway]\nhosts = 1\nhosts = 2", "nonsense = 1"])
def test_a_file_that_cannot_be_read_is_a_finding(write: Write, text: str) -> None:
    (finding,) = config.findings(write(text))
    assert "gate.toml" in str(finding)


def test_a_missing_key_is_a_finding_with_and_without_upstreams(write: Write) -> None:
    text = GOOD.replace('key_env = "TEAM_KEY"', "")
    (finding,) = config.findings(write(text))
    assert "There is no key for Moonshot" in finding.fault.message
    flags = Flags(config=write("[gateway]\n").config, provider="moonshot")
    (finding,) = config.findings(flags)
    assert "There is no key for Moonshot" in finding.fault.message
    with pytest.raises(KeyMissingError):
        config.read(flags).settings.needed_key()


@pytest.mark.parametrize(
    "shape", ["upstreams = 1", "upstreams = { a = 1 }", "routes = 1", "[gateway.upstreams.a]\nx = 1"]
)
def test_shapes_that_cannot_be_are_findings(write: Write, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-mine")
    assert config.findings(write(f"[gateway]\n{shape}"))


def test_a_project_file_that_is_not_trusted_defines_no_upstream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "moongate.toml").write_text(GOOD)
    monkeypatch.chdir(work)
    with pytest.raises(UntrustedProjectError):
        config.read()
    (finding,) = config.findings()
    assert "moongate config trust" in str(finding)


def test_in_a_pyproject_the_lines_are_those_of_the_file(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("[project]\nname = 'x'\n\n[tool.moongate.gateway]\nhosts = 3\n")
    (finding, *_) = config.findings(Flags(config=str(path)))
    assert (finding.file, finding.line) == (str(path), 5)


def test_a_key_file_that_is_none_is_named_and_not_waited_for(write: Write, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "env").write_text("MOONSHOT_API_KEY=sk-aaaaaaaa\n")
    said = {
        str(tmp_path / "pipe"): "is not a file",
        "~nobody-of-this-name/key": "cannot be read: Could not determine home directory",
        str(tmp_path / "env"): "begins with a variable's name",
        str(tmp_path): "is not a file",
    }
    for path, words in said.items():
        (finding,) = config.findings(write(GOOD.replace('key_env = "TEAM_KEY"', f'key_file = "{path}"')))
        assert words in finding.fault.message
        assert "aaaa" not in str(finding)
        assert finding.line == 7


def test_what_is_wrong_outside_of_the_gateways_table_is_told_once_with_its_line(write: Write) -> None:
    prices = '[prices.moonshot."kimi-k2.6"]\ninput = "much"\noutput = "4"\n'
    (finding,) = config.findings(write(prices + GOOD))
    assert "gate.toml', line 2: [prices.moonshot.'kimi-k2.6']: input is 'much'" in str(finding)
    (finding,) = config.findings(write(GOOD.replace("[gateway]", "[gatway]")))
    assert "gate.toml', line 2 has the unknown setting 'gatway'" in str(finding)
