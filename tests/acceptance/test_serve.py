"""`moongate serve` over the embedded model, used by the clients that people have."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

needs_model = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed: pip install 'moongate[local]'"
)
PROGRAMS = {"python": [sys.executable, "-"], "curl": ["sh"], "javascript": ["node", "--input-type=module", "-"]}


def start(env, *arguments):
    """Start `moongate serve` on a free port and return the process and its base url."""
    process = subprocess.Popen(
        [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait(timeout=10)
        pytest.fail(process.stderr.read() if process.stderr else "it did not start")
    return process, json.loads(line)["base_url"]


def end(process) -> int:
    """Ask a process to end, and return its exit code."""
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    return process.returncode


@pytest.fixture
def secret(run, env) -> str:
    """A key of a fresh one-dollar account."""
    assert run("accounts", "create", "me", "--balance", "1", env=env).returncode == 0
    return json.loads(run("keys", "create", "me", "--json", env=env).stdout)["key"]


@needs_model
def test_the_snippets_work_against_the_embedded_model(run, env, secret) -> None:
    serving = env | {"MOONGATE_CACHE_DIR": os.environ["MOONGATE_TEST_CACHE"]}
    process, base_url = start(serving)
    try:
        client = env | {"MOONSHOT_BASE_URL": base_url, "MOONSHOT_API_KEY": secret}
        for lang, program in PROGRAMS.items():
            if shutil.which(program[0]) is None:
                pytest.skip(f"{program[0]} is not installed")
            code = run("snippet", "--lang", lang, env=client).stdout
            ran = subprocess.run(program, input=code, env=client, capture_output=True, text=True, timeout=60)
            assert ran.returncode == 0, ran.stderr
            assert ran.stdout.strip()
        spent = json.loads(run("balance", "--json", env=client).stdout)
        assert 0 < float(spent["available"]) < 1
    finally:
        code = end(process)
    assert code == 0


def test_a_wrong_id_is_refused_by_the_gateway_too(run, env, named, server, secret) -> None:
    process, base_url = start(named)
    try:
        client = env | {"MOONSHOT_BASE_URL": base_url, "MOONSHOT_API_KEY": secret}
        assert run("chat", "hi", "-m", "kimi-k2.6", env=client).stdout == "hi\n"
        body = json.dumps({"model": "moonshotai/kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]})
        ran = subprocess.run(
            ["curl", "-sS", f"{base_url}/chat/completions", "-H", f"Authorization: Bearer {secret}",
             "-H", "Content-Type: application/json", "-d", body],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        error = json.loads(ran.stdout)["error"]
        assert error["type"] == "resource_not_found_error"
        assert error["suggestions"] == ["kimi-k2.6"]
        assert server.count("POST", "/v1/chat/completions") == 1
    finally:
        code = end(process)
    assert code == 0


def test_the_admin_key_is_shown_when_a_gateway_first_starts_and_administers(run, env, named, secret) -> None:
    told = []
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-m", "moongate", "serve", "--port", "0", "--quiet"],
            env=named, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            address = process.stdout.readline().strip().removeprefix("export MOONSHOT_BASE_URL=").removesuffix("/v1")
            if not told:
                assert process.stderr is not None
                key = process.stderr.readline().split("shown once: ")[1].strip()
                curl = ["curl", "-sS", f"{address}/admin/accounts", "-H", f"Authorization: Bearer {key}"]
                asked = subprocess.run(curl, capture_output=True, text=True, timeout=30).stdout
                assert [account["name"] for account in json.loads(asked)["accounts"]] == ["me"]
            process.terminate()
            told.append(process.communicate(timeout=30)[1])
    assert told == ["", ""]
    files = b"".join(file.read_bytes() for file in Path(env["HOME"]).rglob("*") if file.is_file())
    assert key.encode() not in files


def test_keys_are_listed_rotated_and_revoked(run, env, secret) -> None:
    (row,) = json.loads(run("keys", "list", "--json", env=env).stdout)["keys"]
    assert secret.startswith(row["prefix"])
    assert secret not in run("keys", "list", env=env).stdout
    rotated = json.loads(run("keys", "rotate", str(row["id"]), "--json", env=env).stdout)
    assert rotated["key"] != secret
    assert run("keys", "revoke", str(rotated["id"]), env=env).returncode == 0
    assert run("keys", "revoke", "nobody", env=env).returncode == 2


def test_accounts_are_listed_and_topped_up(run, env, secret) -> None:
    assert run("accounts", "top-up", "me", "2.5", env=env).stdout == "me: 3.5 USD\n"
    (account,) = json.loads(run("accounts", "list", "--json", env=env).stdout)["accounts"]
    assert (account["name"], account["balance"], account["currency"]) == ("me", "3.5", "USD")
    assert run("accounts", "create", "me", env=env).returncode == 2
    assert run("accounts", "top-up", "nobody", "1", env=env).returncode == 2
    assert run("accounts", "top-up", "me", "much", env=env).returncode == 2
