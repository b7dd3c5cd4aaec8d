"""Gateways over TLS, as a user runs them: one in front of the other, workers, and a certificate that is renewed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import trustme

from moongate.testing import MoonshotServer


@dataclass
class Authority:
    """Makes certificates for this machine, and clients that trust them."""

    folder: Path
    ca: trustme.CA

    @property
    def trusted(self) -> str:
        return str(self.folder / "ca.pem")

    def issue(self, **kind: trustme.KeyType) -> tuple[str, str]:
        """Write a new certificate with its key, in the place of the one before."""
        leaf = self.ca.issue_cert("127.0.0.1", **kind)
        for name, pem in (("cert.pem", leaf.cert_chain_pems[0]), ("key.pem", leaf.private_key_pem)):
            pem.write_to_path(str(self.folder / f"{name}.new"))
            (self.folder / f"{name}.new").replace(self.folder / name)
        return str(self.folder / "cert.pem"), str(self.folder / "key.pem")

    def client(self, base_url: str, secret: str) -> httpx2.Client:
        context = ssl.create_default_context(cafile=self.trusted)
        headers = {"authorization": f"Bearer {secret}"}
        return httpx2.Client(base_url=base_url, headers=headers, timeout=20, trust_env=False, verify=context)

    def shown(self, base_url: str) -> str:
        """Return the certificate that a server shows to who connects now."""
        address = urlsplit(base_url)
        return ssl.get_server_certificate((address.hostname or "", address.port or 0), ca_certs=self.trusted)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return Authority(tmp_path, ca)


@contextlib.contextmanager
def serving(env, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", *more]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["base_url"]
        finally:
            process.terminate()
            process.communicate()


def new_key(run, env) -> str:
    run("accounts", "create", "me", "--balance", "10", env=env)
    made: str = json.loads(run("keys", "create", "me", "--json", env=env).stdout)["key"]
    return made


def chat(text: str = "hello", **more: object) -> dict[str, object]:
    return {"model": "kimi-k2.6", "messages": [{"role": "user", "content": text}], "max_tokens": 50, **more}


def test_one_gateway_calls_another_and_both_speak_https(run, named, authority: Authority, tmp_path: Path) -> None:
    cert, key = authority.issue()
    flags = ("--tls-cert", cert, "--tls-key", key)
    with serving(named, *flags) as (_, inner):
        assert inner.startswith("https://127.0.0.1:")
        (tmp_path / "front").mkdir()
        env = named | {"MOONSHOT_BASE_URL": inner, "MOONSHOT_API_KEY": new_key(run, named)}
        env |= {"HOME": str(tmp_path / "front"), "MOONGATE_CA_FILE": authority.trusted}
        with (
            serving(env, "--workers", "2", *flags) as (_, base_url),
            authority.client(base_url, new_key(run, env)) as client,
        ):
            assert [row["id"] for row in client.get("/models").json()["data"]] == ["kimi-k2.6"]
            got = client.post("/chat/completions", json=chat()).raise_for_status()
            assert got.json()["choices"][0]["message"]["content"] == "hello"
            spaced = json.dumps(chat()).encode() + b" " * 2_000_000  # more than is kept in memory
            large = client.post("/chat/completions", content=spaced, headers={"content-type": "application/json"})
            assert large.raise_for_status().json()["usage"]["prompt_tokens"]
            with client.stream("POST", "/chat/completions", json=chat(stream=True)) as stream:
                assert stream.read().rstrip().endswith(b"data: [DONE]")
            with pytest.raises(httpx2.TransportError):
                httpx2.get(base_url.replace("https", "http") + "/models", trust_env=False)
        calls = json.loads(run("usage", "--gateway", "--calls", "--json", env=env).stdout)["calls"]
        assert [call["outcome"] for call in calls] == ["ok"] * 3


def test_an_untrusted_upstream_gets_no_request(run, named, authority: Authority, server: MoonshotServer) -> None:
    cert, key = authority.issue()
    with serving(named, "--tls-cert", cert, "--tls-key", key) as (_, inner):
        failed = run("models", "--base-url", inner, env=named)
        assert failed.returncode == 4
        assert "certificate" in failed.stderr.lower()


def test_a_renewed_certificate_is_shown_after_sighup(run, named, authority: Authority, tmp_path: Path) -> None:
    cert, key = authority.issue()
    config = tmp_path / "gate.toml"
    config.write_text(f"[gateway]\ntls_cert = '{cert}'\ntls_key = '{key}'\n")
    secret = new_key(run, named)
    with serving(named, "--workers", "2", "--config", str(config)) as (process, base_url):
        before = authority.shown(base_url)
        with authority.client(base_url, secret) as client:
            assert client.get("/models").status_code == 200
            authority.issue(key_type=trustme.KeyType.RSA)
            os.kill(process.pid, signal.SIGHUP)
            end = time.monotonic() + 20
            while before in {authority.shown(base_url) for _ in range(8)}:  # of both workers
                assert time.monotonic() < end, "the old certificate is still shown"
            assert client.get("/models").status_code == 200  # over the connection that was open


def test_what_is_wrong_with_a_certificate_is_said_with_its_line(run, named, authority: Authority) -> None:
    cert, _ = authority.issue()
    config = authority.folder / "gate.toml"
    config.write_text(f"[gateway]\nhosts = ['a.example']\ntls_cert = '{cert}'\n")
    checked = run("serve", "--check-config", "--config", str(config), env=named)
    assert checked.returncode == 2
    assert checked.stdout.startswith(f"{config}:3: The TLS certificate in '{cert}' cannot be used")
    config.write_text("[gateway]\ntls_key = 'key.pem'\n")
    checked = run("serve", "--check-config", "--config", str(config), env=named)
    assert checked.stdout.splitlines() == [
        f"{config}:2: [gateway] tls_key is 'key.pem', expected an absolute path.",
        f"{config}:2: [gateway] has a tls_key and no tls_cert. Name the certificate that the key belongs to.",
    ]
    refused = run("serve", "--tls-cert", "/no/such.pem", env=named)
    assert refused.returncode == 2
    assert "'/no/such.pem' cannot be read: No such file or directory." in refused.stderr
    assert run("serve", "--tls-key", "/no/such.pem", env=named).returncode == 2
    checked = run("serve", "--check-config", "--tls-cert", "/no/such.pem", env=named)
    assert (checked.returncode, checked.stdout.count("\n")) == (2, 1)
