"""Which provider, which address, whose key: the whole table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from moongate.errors import (
    BaseUrlError,
    ConfigError,
    KeyMalformedError,
    KeyMissingError,
    ProviderChoiceError,
)
from moongate.facts.keys import Key
from moongate.settings import Flags, Settings, load
from moongate.settings.load import config_dir, load_all, load_folders, scrubbed, wants_color

Decide = Callable[..., Settings]
A, B = "sk-aaaaaaaa", "sk-bbbbbbbb"
AI, CN = "https://api.moonshot.ai/v1", "https://api.moonshot.cn/v1"
CODE, GLOBAL = "https://api.kimi.com/coding/v1", "https://api.kimi.ai/coding/v1"
LOOP = "http://127.0.0.1:9/v1"

CHOSEN = [
    # environment, flags, provider, variable of the key
    ({}, {}, "local", None),
    ({"OPENAI_API_KEY": A, "OPENAI_BASE_URL": AI}, {}, "local", None),
    ({"MOONSHOT_API_KEY": A}, {}, "moonshot", "MOONSHOT_API_KEY"),
    ({"MOONSHOT_CN_API_KEY": A}, {}, "moonshot-cn", "MOONSHOT_CN_API_KEY"),
    ({"KIMI_CODE_API_KEY": A}, {}, "kimi-code", "KIMI_CODE_API_KEY"),
    ({"OPENROUTER_API_KEY": A}, {}, "openrouter", "OPENROUTER_API_KEY"),
    ({"AIML_API_KEY": A}, {}, "aimlapi", "AIML_API_KEY"),
    ({"AIML_API_KEY": A, "AIMLAPI_KEY": A, "AIMLAPI_API_KEY": B}, {}, "aimlapi", "AIMLAPI_API_KEY"),
    ({"AIML_API_KEY": A, "AIMLAPI_KEY": B}, {}, "aimlapi", "AIMLAPI_KEY"),
    ({"MOONSHOT_API_KEY": A, "KIMI_API_KEY": B}, {}, "moonshot", "MOONSHOT_API_KEY"),
    # named: by flag, by variable
    ({"KIMI_API_KEY": A}, {"provider": "moonshot"}, "moonshot", "KIMI_API_KEY"),
    ({"KIMI_API_KEY": A}, {"provider": "kimi-code"}, "kimi-code", "KIMI_API_KEY"),
    ({"KIMI_API_KEY": A, "MOONGATE_PROVIDER": "kimi-code"}, {}, "kimi-code", "KIMI_API_KEY"),
    ({"KIMI_CODE_API_KEY": A}, {"provider": "kimi-code-global"}, "kimi-code-global", "KIMI_CODE_API_KEY"),
    ({"MOONSHOT_API_KEY": A}, {"provider": "moonshot-cn"}, "moonshot-cn", "MOONSHOT_API_KEY"),
    ({"MOONSHOT_API_KEY": A, "MOONSHOT_CN_API_KEY": B}, {"provider": "moonshot-cn"}, "moonshot-cn",
     "MOONSHOT_CN_API_KEY"),
    ({"MOONSHOT_API_KEY": A, "OPENROUTER_API_KEY": B}, {"provider": "openrouter"}, "openrouter",
     "OPENROUTER_API_KEY"),
    ({"MOONGATE_PROVIDER": "aimlapi", "AIMLAPI_KEY": A}, {"provider": "openrouter"}, "openrouter", None),
    ({"OPENAI_API_KEY": A}, {"provider": "moonshot"}, "moonshot", None),
    ({"MOONSHOT_API_KEY": A}, {"provider": "openrouter"}, "openrouter", None),
    ({"MOONSHOT_API_KEY": A}, {"provider": "local"}, "local", None),
    # the origin decides the row, and with it the key
    ({"MOONSHOT_API_KEY": A, "MOONSHOT_BASE_URL": CN}, {}, "moonshot-cn", "MOONSHOT_API_KEY"),
    ({"MOONSHOT_API_KEY": A, "MOONSHOT_CN_API_KEY": B, "MOONSHOT_BASE_URL": CN}, {}, "moonshot-cn",
     "MOONSHOT_CN_API_KEY"),
    ({"MOONSHOT_API_KEY": A, "MOONSHOT_API_BASE": CN + "/"}, {}, "moonshot-cn", "MOONSHOT_API_KEY"),
    ({"MOONSHOT_API_KEY": A, "MOONSHOT_BASE_URL": "https://openrouter.ai/api/v1"}, {}, "openrouter", None),
    ({"KIMI_CODE_API_KEY": A, "KIMI_CODE_BASE_URL": GLOBAL}, {}, "kimi-code-global", "KIMI_CODE_API_KEY"),
    ({"KIMI_API_KEY": A, "KIMI_BASE_URL": AI}, {}, "moonshot", "KIMI_API_KEY"),
    ({"MOONSHOT_API_KEY": A}, {"base_url": CN}, "moonshot-cn", "MOONSHOT_API_KEY"),
    ({"MOONSHOT_API_KEY": A}, {"base_url": "https://API.MOONSHOT.CN:443/v1/"}, "moonshot-cn", "MOONSHOT_API_KEY"),
    ({"OPENROUTER_API_KEY": A}, {"provider": "moonshot", "base_url": "https://openrouter.ai/api/v1"}, "openrouter",
     "OPENROUTER_API_KEY"),
    ({"OPENROUTER_API_KEY": A, "MOONSHOT_API_KEY": B}, {"base_url": AI}, "moonshot", "MOONSHOT_API_KEY"),
    # an address of the user's own keeps the row and its key
    ({"MOONSHOT_API_KEY": A, "MOONSHOT_BASE_URL": LOOP}, {}, "moonshot", "MOONSHOT_API_KEY"),
    ({"MOONSHOT_API_KEY": A}, {"provider": "moonshot", "base_url": LOOP}, "moonshot", "MOONSHOT_API_KEY"),
    ({}, {"base_url": LOOP}, "custom", None),
    ({"OPENAI_API_KEY": A}, {"base_url": LOOP}, "custom", None),
]  # fmt: skip


@pytest.mark.parametrize(("env", "flags", "provider", "source"), CHOSEN)
def test_the_provider_and_its_key(
    decide: Decide, env: dict[str, str], flags: dict[str, str], provider: str, source: str | None
) -> None:
    settings = decide(env, **flags)
    assert (settings.row.name, settings.key.source if settings.key else None) == (provider, source)
    assert settings.key is None or settings.key.reveal() == env[source or ""]
    assert settings.is_local == (provider == "local") and settings.chosen_by


REFUSED = [
    ({"KIMI_API_KEY": A}, {}, ProviderChoiceError, ("moonshot", "kimi-code")),
    ({"MOONSHOT_API_KEY": A, "OPENROUTER_API_KEY": B}, {}, ProviderChoiceError, ("MOONSHOT_API_KEY", "openrouter")),
    ({"MOONSHOT_API_KEY": A, "MOONSHOT_CN_BASE_URL": CN}, {}, ProviderChoiceError, ("moonshot-cn",)),
    ({"MOONSHOT_API_KEY": ""}, {}, KeyMalformedError, ("MOONSHOT_API_KEY is set but empty",)),
    ({"MOONSHOT_API_KEY": "", "OPENROUTER_API_KEY": B}, {}, ProviderChoiceError, ("Several",)),
    ({"OPENROUTER_API_KEY": ""}, {"provider": "openrouter"}, KeyMalformedError, ("empty",)),
    ({"MOONSHOT_BASE_URL": ""}, {}, BaseUrlError, ("MOONSHOT_BASE_URL is set but empty",)),
    ({"MOONSHOT_API_KEY": A, "MOONSHOT_BASE_URL": "", "KIMI_BASE_URL": AI}, {}, BaseUrlError, ("empty",)),
    ({"KIMI_API_KEY": ""}, {}, ProviderChoiceError, ("KIMI_API_KEY",)),
    ({"MOONGATE_PROVIDER": ""}, {}, ConfigError, ("MOONGATE_PROVIDER", "empty")),
    ({"MOONGATE_PROVIDER": "moonshine"}, {}, ProviderChoiceError, ("'moonshine'", "moonshot")),
    ({}, {"provider": ""}, ConfigError, ("--provider",)),
    ({}, {"model": "kimi-k2.6"}, KeyMissingError, ("kimi-k2.6", "-p local")),
    ({"KIMI_MODEL_ID": "kimi-k2.6"}, {}, KeyMissingError, ("kimi-k2.6",)),
    ({}, {"api_key": A}, ProviderChoiceError, ("whose",)),
    ({}, {"provider": "moonshot", "api_key": ""}, KeyMalformedError, ("empty",)),
    ({"MOONSHOT_API_KEY": A}, {"guard": "loose"}, ConfigError, ("strict, warn, off",)),
    ({"MOONSHOT_API_KEY": A, "MOONGATE_TIMEOUT": "soon"}, {}, ConfigError, ("MOONGATE_TIMEOUT", "'soon'")),
    ({"MOONSHOT_API_KEY": A}, {"timeout": 0}, ConfigError, ("--timeout",)),
    ({"MOONSHOT_API_KEY": A}, {"timeout": float("nan")}, ConfigError, ("--timeout",)),
    ({"MOONSHOT_API_KEY": A}, {"base_url": ""}, ConfigError, ("--base-url",)),
]  # fmt: skip


@pytest.mark.parametrize(("env", "flags", "error", "told"), REFUSED)
def test_what_cannot_work_exits_with_2(
    decide: Decide, env: dict[str, str], flags: dict[str, str], error: type[ConfigError], told: tuple[str, ...]
) -> None:
    with pytest.raises(error) as caught:
        decide(env, **flags)
    assert caught.value.exit_code == 2 and all(part in str(caught.value) for part in told)
    assert A not in str(caught.value) and B not in str(caught.value)


URLS = [
    ("https://me:pa55@api.moonshot.ai/v1", "user name"),
    ("http://api.moonshot.ai/v1", "unencrypted"),
    ("http://box.example/v1", "unencrypted"),
    (AI + "/chat/completions", "Leave '/chat/completions' out"),
    ("https://api.moonshot.ai", "Use 'https://api.moonshot.ai/v1'"),
    ("https://openrouter.ai/v1", "Use 'https://openrouter.ai/api/v1'"),
    ("api.moonshot.ai/v1", "not an http"),
    ("https://[bad/v1", "malformed"),
    ("https://host:port/v1", "malformed"),
    (AI + "\n", "control character"),
]


@pytest.mark.parametrize(("url", "told"), URLS)
@pytest.mark.parametrize("by", ["flag", "named", "variable"])
def test_addresses_that_cannot_be(decide: Decide, url: str, told: str, by: str) -> None:
    with pytest.raises(BaseUrlError) as caught:
        if by == "variable":
            decide({"MOONSHOT_API_KEY": A, "MOONSHOT_BASE_URL": url})
        else:
            decide({"MOONSHOT_API_KEY": A}, base_url=url, **({"provider": "moonshot"} if by == "named" else {}))
    assert told in str(caught.value) and "pa55" not in str(caught.value)
    assert ("MOONSHOT_BASE_URL" if by == "variable" else "--base-url") in str(caught.value)


def test_plain_http_when_it_is_meant(decide: Decide) -> None:
    settings = decide(
        {"MOONSHOT_API_KEY": A}, provider="moonshot", base_url="http://box.example/v1", insecure_http=True
    )
    assert settings.row.base_url == "http://box.example/v1" and not settings.row.at_home
    assert decide(base_url="http://box.example/v1", insecure_http=True).row.name == "custom"


def test_an_address_in_a_file_is_named_by_the_file(decide: Decide, folders: dict[str, Path]) -> None:
    path = folders["config"] / "config.toml"
    path.write_text('provider = "moonshot"\nbase_url = "http://127.0.0.1:9/v1"\n')
    assert decide({"MOONSHOT_API_KEY": A}).addressed_by == str(path)
    path.write_text('provider = "moonshot"\nbase_url = "https://[bad/v1"\n')
    with pytest.raises(BaseUrlError, match=r"config\.toml: The base url is malformed"):
        decide({"MOONSHOT_API_KEY": A})


def test_an_address_in_a_file_draws_no_other_providers_key(decide: Decide, folders: dict[str, Path]) -> None:
    path = folders["config"] / "config.toml"
    path.write_text('provider = "moonshot"\nbase_url = "http://127.0.0.1:9/v1"\n')
    found = decide({"OPENROUTER_API_KEY": A, "MOONGATE_PROVIDER": "openrouter"})
    assert found.row.base_url == "https://openrouter.ai/api/v1"
    assert str(path) in found.warnings[0]


def test_base_urls_that_disagree_are_warned_about(decide: Decide) -> None:
    env = {"MOONSHOT_API_KEY": A, "MOONSHOT_BASE_URL": AI, "KIMI_BASE_URL": CN}
    settings = decide(env)
    assert settings.row.base_url == AI and settings.addressed_by == "MOONSHOT_BASE_URL"
    assert settings.warnings == ("MOONSHOT_BASE_URL, KIMI_BASE_URL disagree; MOONSHOT_BASE_URL is used",)
    assert decide(env | {"KIMI_BASE_URL": AI + "/"}).warnings == ()
    moved = decide({"MOONSHOT_API_KEY": A, "MOONSHOT_BASE_URL": CN}).warnings
    assert moved == ("MOONSHOT_BASE_URL points to api.moonshot.cn: the provider is moonshot-cn, not moonshot",)


@pytest.mark.parametrize("secret", [A + "\n", " " + A, f'"{A}"', f"{A} x", "sk-é"])
def test_a_malformed_key_is_never_echoed(decide: Decide, secret: str) -> None:
    for env, flags in (({"MOONSHOT_API_KEY": secret}, {}), ({}, {"provider": "moonshot", "api_key": secret})):
        with pytest.raises(KeyMalformedError) as caught:
            decide(env, **flags)
        assert A not in str(caught.value) and secret not in str(caught.value)


def test_a_missing_key_says_where_it_goes(decide: Decide) -> None:
    settings = decide(provider="moonshot")
    with pytest.raises(
        KeyMissingError, match=r"MOONSHOT_API_KEY or KIMI_API_KEY.*set-key moonshot.*platform\.kimi\.ai"
    ):
        settings.needed_key()
    assert decide(base_url=LOOP).needed_key() is None


def test_a_given_key_wins(decide: Decide) -> None:
    key = decide({"MOONSHOT_API_KEY": A}, api_key=B).key
    assert key == Key(B, source="x") and key.source == "api_key"


MODELS = [
    ({}, None, None),
    ({"KIMI_MODEL_ID": "c"}, None, "c"),
    ({"KIMI_MODEL_ID": "c", "MOONGATE_MODEL": "b"}, None, "b"),
    ({"KIMI_MODEL_ID": "c", "MOONGATE_MODEL": "b"}, "a", "a"),
]


@pytest.mark.parametrize(("env", "flag", "model"), MODELS)
def test_which_model(decide: Decide, env: dict[str, str], flag: str | None, model: str | None) -> None:
    assert decide(env | {"MOONSHOT_API_KEY": A}, model=flag).model == model


def test_precedence_and_where_each_came_from(decide: Decide, folders: dict[str, Path]) -> None:
    user, project = folders["config"] / "config.toml", folders["work"] / "moongate.toml"
    user.write_text('provider = "openrouter"\nmodel = "user"\ntimeout = 7\nguard = "warn"\n')
    project.write_text('model = "project"\nguard = "strict"\n')
    env = {"OPENROUTER_API_KEY": A, "MOONSHOT_API_KEY": B, "MOONGATE_MODEL": "env"}
    settings = decide(env, model="flag")
    assert settings.row.name == "openrouter" and settings.timeout_s == 7.0 and settings.guard == "strict"
    origins = {name: origin for name, (_, origin) in settings.origins.items()}
    assert (origins["model"], origins["guard"], origins["timeout"]) == ("flag", str(project), str(user))
    assert origins["list_timeout"] == "default" and decide(env).model == "env"
    del env["MOONGATE_MODEL"]
    assert decide(env).model == "project"


def test_a_configured_default_counts_as_named(decide: Decide, folders: dict[str, Path]) -> None:
    (folders["config"] / "config.toml").write_text('provider = "kimi-code"\n')
    key = decide({"KIMI_API_KEY": A, "MOONSHOT_API_KEY": B}).key
    assert key is not None and key.source == "KIMI_API_KEY"


def test_own_providers(decide: Decide, folders: dict[str, Path]) -> None:
    (folders["config"] / "config.toml").write_text(
        '[providers.box]\nbase_url = "http://127.0.0.1:9/v1"\nkey_env = "BOX_KEY"\nlike = "moonshot"\n'
        '[providers.cn]\nbase_url = "https://api.moonshot.cn/v1"\nkey_env = "BOX_KEY"\n'
    )
    box = decide({"BOX_KEY": A}, provider="box")
    assert (box.row.name, box.row.balance, box.key and box.key.source) == ("box", "/users/me/balance", "BOX_KEY")
    assert decide({"BOX_KEY": A}, provider="cn").row.name == "moonshot-cn"  # the origin decides
    assert decide({"BOX_KEY": A}, provider="cn").key is None
    assert "box" in decide({"MOONSHOT_API_KEY": B}).others


@pytest.mark.parametrize(
    "table",
    ['like = "openai"', 'base_url = 7', 'base_url = "http://127.0.0.1/v1"\nextra = 1', 'base_url = "http://x.example/v1"',
     'base_url = "http://127.0.0.1/v1"\nlike = "?"'],
)  # fmt: skip
def test_own_providers_that_cannot_be(decide: Decide, folders: dict[str, Path], table: str) -> None:
    (folders["config"] / "config.toml").write_text(f"[providers.box]\n{table}\n")
    with pytest.raises(ConfigError):
        decide(provider="box")


def test_proxies_are_read_once_and_http_only_in_lower_case(decide: Decide) -> None:
    env = {"HTTP_PROXY": "http://cgi:1", "https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1",
           "ALL_PROXY": "http://c:1", "NO_PROXY": "x.example, .y.example", "MOONSHOT_API_KEY": A}  # fmt: skip
    settings = decide(env)
    assert settings.proxies == {"https": "http://a:1", "all": "http://c:1"}
    assert settings.no_proxy == ("x.example", ".y.example")


def test_scrubbing_takes_every_key_address_and_choice() -> None:
    env = {"KIMI_API_KEY": A, "MOONSHOT_BASE_URL": AI, "MOONGATE_PROVIDER": "x", "MOONGATE_MODEL": "x", "GH_TOKEN": A,
           "OPENAI_API_KEY": A, "PATH": "p", "MOONGATE_CACHE_DIR": "c"}  # fmt: skip
    assert scrubbed(env) == {"PATH": "p", "MOONGATE_CACHE_DIR": "c"}


def test_folders_alone_need_no_provider(folders: dict[str, Path]) -> None:
    env = {"MOONGATE_CONFIG_DIR": str(folders["config"]), "MOONGATE_DATA_DIR": "~/d", "KIMI_API_KEY": A}
    found = load_folders(Flags(cache_dir="/x/c"), env=env, cwd=folders["work"], home=folders["home"])
    assert found.cache_dir == Path("/x/c") and found.data_dir == Path("~/d").expanduser()
    assert config_dir(env) == folders["config"]


def test_every_provider_whose_list_can_be_had(folders: dict[str, Path]) -> None:
    env = {"MOONGATE_CONFIG_DIR": str(folders["config"]), "MOONSHOT_API_KEY": A, "KIMI_API_KEY": B}
    found = load_all(env=env, cwd=folders["work"], home=folders["home"])
    assert {s.row.name: s.key.source if s.key else None for s in found} == {
        "moonshot": "MOONSHOT_API_KEY",
        "openrouter": None,
        "aimlapi": None,
    }


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", A)
    monkeypatch.chdir(tmp_path)
    assert load().row.name == "moonshot" and wants_color({}) and not wants_color({"NO_COLOR": "1"})


def test_an_address_in_the_environment_comes_before_one_in_a_file(decide: Decide, folders: dict[str, Path]) -> None:
    (folders["config"] / "config.toml").write_text('provider = "moonshot"\nbase_url = "http://127.0.0.1:9/v1"\n')
    found = decide({"MOONSHOT_API_KEY": A, "MOONSHOT_BASE_URL": "http://127.0.0.1:7/v1"})
    assert (found.row.base_url, found.addressed_by) == ("http://127.0.0.1:7/v1", "MOONSHOT_BASE_URL")


def test_a_file_from_windows_may_begin_with_its_mark(decide: Decide, folders: dict[str, Path]) -> None:
    (folders["config"] / "config.toml").write_bytes(b'\xef\xbb\xbfmodel = "kimi-k2.6"\r\n')
    assert decide({"MOONSHOT_API_KEY": A}).model == "kimi-k2.6"
