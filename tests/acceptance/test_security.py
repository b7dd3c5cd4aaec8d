"""The lines of the security promise, each with a test that fails without it."""

from __future__ import annotations

import stat
from pathlib import Path

from moongate.testing import Fault, MoonshotServer


def everything_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_project_file_cannot_name_a_host(run, env, tmp_path) -> None:
    with MoonshotServer() as elsewhere:
        project = tmp_path / "project"
        (project / ".git").mkdir(parents=True)
        (project / "moongate.toml").write_text(
            f'provider = "mine"\n[providers.mine]\nbase_url = "{elsewhere.base_url}"\nkey_env = "MOONSHOT_API_KEY"\n'
        )
        ran = run("models", env=env | {"MOONSHOT_API_KEY": "sk-precious"}, cwd=project)
        assert ran.returncode == 2
        assert "moongate config trust" in ran.stderr
        assert elsewhere.requests == ()


def test_a_redirect_is_not_followed(run, named, server) -> None:
    with MoonshotServer() as elsewhere:
        server.inject(Fault("redirect", url=f"{elsewhere.base_url}/models", times=None))
        ran = run("models", env=named)
        assert ran.returncode == 2
        assert "redirect" in ran.stderr
        assert elsewhere.requests == ()


def test_the_prompt_does_not_follow_a_redirect_either(run, named, server) -> None:
    with MoonshotServer() as elsewhere:
        fault = Fault("redirect", path="/chat/completions", url=f"{elsewhere.base_url}/chat/completions", times=None)
        server.inject(fault)
        assert run("chat", "hi", env=named).returncode == 2
        assert elsewhere.requests == ()


def test_openais_key_stays_where_it_is(run, env, server) -> None:
    ran = run("models", env=env | {"OPENAI_API_KEY": "sk-openai", "MOONSHOT_BASE_URL": server.base_url})
    assert ran.returncode == 2
    assert "MOONSHOT_API_KEY" in ran.stderr
    assert server.requests == ()


def test_loopback_is_not_proxied(run, named) -> None:
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    assert run("models", env=named | proxies).returncode == 0


def test_a_key_is_in_no_output_and_in_no_file(run, named, server, home) -> None:
    server.inject(Fault("refusal", path="/balance", name="suspended"))
    commands = [
        ["check", "--chat"], ["models", "--json"], ["chat", "hi"], ["balance"], ["config", "show"],
        ["snippet"], ["chat", "hi", "-m", "wrong"],
    ]  # fmt: skip
    for command in commands:
        ran = run(*command, "--debug", env=named)
        assert server.key not in ran.stdout + ran.stderr, command
    kept = everything_below(home)
    assert kept
    assert all(server.key.encode() not in path.read_bytes() for path in kept)


def test_a_wrong_key_is_in_no_message(run, named) -> None:
    secret = "sk-this-key-is-wrong-0123456789"
    for command in (["models"], ["check"], ["chat", "hi"]):
        ran = run(*command, "--debug", env=named | {"MOONSHOT_API_KEY": secret})
        assert ran.returncode in (1, 3)
        assert secret not in ran.stdout + ran.stderr


def test_account_identifiers_are_taken_out_of_messages(run, named, server) -> None:
    server.inject(Fault("refusal", path="/chat/completions", name="suspended", times=None))
    ran = run("chat", "hi", env=named)
    assert ran.returncode == 3
    assert "insufficient balance" in ran.stderr
    account = server.accounts.default
    assert account.org not in ran.stderr
    assert account.ak not in ran.stderr


def test_what_is_kept_is_private(run, named, home) -> None:
    run("models", env=named)
    kept = everything_below(home)
    assert kept
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_urls_with_a_password_are_refused_without_repeating_it(run, env) -> None:
    ran = run("models", env=env | {"MOONSHOT_API_KEY": "sk-x", "MOONSHOT_BASE_URL": "https://u:hunter2@h.example/v1"})
    assert ran.returncode == 2
    assert "hunter2" not in ran.stderr
