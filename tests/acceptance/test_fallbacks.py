"""Fallbacks over real sockets: only where the configuration names them, only when nothing can have been charged."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from moongate.facts.money import Money
from moongate.gateway import config, serve
from moongate.gateway.serve import Running
from moongate.settings.load import Flags
from moongate.testing import Fault, MoonshotServer

CHAT = "/v1/chat/completions"
TABLE = """
[gateway.upstreams.main]
provider = "moonshot"
base_url = "{main}"
key_env = "MAIN_KEY"
{more}

[gateway.upstreams.spare]
provider = "moonshot"
base_url = "{spare}"
key_env = "SPARE_KEY"

[gateway.routes]
best = ["main/kimi-k2.6", "spare/kimi-k2.6"]
"""


@dataclass(frozen=True, kw_only=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A gateway whose route `best` leads to `main`, then to `spare`."""

    running: Running
    secret: str
    main: MoonshotServer
    spare: MoonshotServer

    def chat(self, model: str = "best", **more: object) -> Got:
        """Send one chat and return the whole answer."""
        port = int(self.running.base_url.rpartition(":")[2].partition("/")[0])
        headers = {"authorization": f"Bearer {self.secret}", "content-type": "application/json"}
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100, **more}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("POST", CHAT, json.dumps(body), headers)
            with connection.getresponse() as response:
                told = {name.lower(): value for name, value in response.getheaders()}
                return Got(status=response.status, headers=told, body=response.read())

    @property
    def sent(self) -> tuple[int, int]:
        """How many chats each upstream saw."""
        return self.main.count("POST", CHAT), self.spare.count("POST", CHAT)


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    with MoonshotServer(models=["kimi-k2.6"]) as main, MoonshotServer(models=["kimi-k2.6"]) as spare:
        monkeypatch.setenv("MAIN_KEY", main.key)
        monkeypatch.setenv("SPARE_KEY", spare.key)
        path = tmp_path / "gate.toml"
        more = getattr(request, "param", "")
        path.write_text(TABLE.format(main=main.base_url, spare=spare.base_url, more=more))
        with serve.running(config.read(Flags(config=str(path)))) as running:
            running.desk.create_account("me", Money.of(10, "USD"))
            _, secret = running.desk.create_key("me")
            yield Pair(running=running, secret=secret, main=main, spare=spare)


def test_the_first_upstream_of_the_route_answers_while_it_can(pair: Pair) -> None:
    got = pair.chat()
    assert (got.status, got.headers["x-moongate-provider"]) == (200, "main")
    assert got.headers["x-moongate-model"] == "kimi-k2.6"
    assert pair.sent == (1, 0)


SAFE = [
    Fault("refusal", path=CHAT, name="rpm"),
    Fault("refusal", path=CHAT, name="overloaded"),
    Fault("refusal", path=CHAT, name="no_money"),
    Fault("status", path=CHAT, status=401, body={"error": {"message": "Invalid Authentication"}}),
]
UNSAFE = [
    Fault("status", path=CHAT, status=500, body={"error": {"message": "?"}}),
    Fault("status", path=CHAT, status=503, body={"error": {"message": "?"}}),
    Fault("reset", path=CHAT),
    Fault("reset", path=CHAT, at="middle"),
    Fault("truncate", path=CHAT, at="middle"),
    Fault("garbage", path=CHAT),
    Fault("status", path=CHAT, status=400, body={"error": {"message": "Invalid request: no"}}),
    Fault("status", path=CHAT, status=404, body={"error": {"message": "Not found the model or Permission denied"}}),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault", SAFE, ids=lambda fault: fault.name if fault.kind == "refusal" else str(fault.status)
)
def test_what_was_not_taken_goes_to_the_next_one(pair: Pair, fault: Fault, stream: bool) -> None:
    pair.main.inject(fault)
    got = pair.chat(stream=stream)
    assert (got.status, got.headers["x-moongate-provider"]) == (200, "spare")
    assert pair.sent == (1, 1)
    pair.running.booked()
    (line,) = pair.running.desk.entries()
    assert (line.outcome, line.provider) == ("ok", "moonshot")


@pytest.mark.parametrize("fault", UNSAFE, ids=lambda fault: f"{fault.kind}-{fault.at}-{fault.status}")
def test_what_may_have_been_charged_is_never_sent_again(pair: Pair, fault: Fault) -> None:
    pair.main.inject(fault)
    got = pair.chat()
    assert got.status >= 400
    assert pair.sent == (1, 0)


def test_a_stream_that_began_is_not_begun_again(pair: Pair) -> None:
    limited = {"error": {"message": "max RPM: 1", "type": "rate_limit_reached_error"}}
    pair.main.inject(Fault("error_in_stream", path=CHAT, body=limited))
    got = pair.chat(stream=True)
    assert got.status == 200
    assert b'"error"' in got.body
    assert pair.sent == (1, 0)


def test_a_name_without_a_route_has_no_fallback(pair: Pair) -> None:
    pair.main.inject(Fault("refusal", path=CHAT, name="rpm"))
    assert pair.chat("main/kimi-k2.6").status == 429
    assert pair.sent == (1, 0)


def test_a_body_that_refers_to_uploaded_files_stays_where_they_are(pair: Pair) -> None:
    with openai.OpenAI(base_url=pair.running.base_url, api_key=pair.secret) as client:
        file = client.files.create(file=("a.png", b"\x89PNG\r\n\x1a\n"), purpose="image")  # type: ignore[arg-type]
    pair.main.inject(Fault("refusal", path=CHAT, name="rpm"))
    seen = [{"type": "image_url", "image_url": {"url": f"ms://{file.id}"}}]
    assert pair.chat(messages=[{"role": "user", "content": seen}]).status == 429
    assert pair.sent == (1, 0)


def test_when_all_refuse_the_last_refusal_is_told(pair: Pair) -> None:
    pair.main.inject(Fault("refusal", path=CHAT, name="overloaded"))
    pair.spare.inject(Fault("refusal", path=CHAT, name="rpm"))
    got = pair.chat()
    assert (got.status, json.loads(got.body)["error"]["type"]) == (429, "rate_limit_reached_error")
    assert pair.sent == (1, 1)


@pytest.mark.parametrize("pair", ["rpm = 1"], indirect=True)
def test_a_configured_limit_sends_the_next_call_elsewhere(pair: Pair) -> None:
    assert [pair.chat().headers["x-moongate-provider"] for _ in range(3)] == ["main", "spare", "spare"]
    got = pair.chat("main/kimi-k2.6")
    assert got.status == 429
    assert 1 <= int(got.headers["retry-after"]) <= 60
    assert pair.sent == (1, 2)


@pytest.mark.parametrize("pair", ["break_after = 2"], indirect=True)
def test_an_upstream_that_keeps_failing_is_left_alone(pair: Pair) -> None:
    pair.main.inject(Fault("status", path=CHAT, times=None, status=500, body={"error": {"message": "?"}}))
    assert [pair.chat().status for _ in range(2)] == [500, 500]
    got = pair.chat()
    assert (got.status, got.headers["x-moongate-provider"]) == (200, "spare")
    assert pair.sent == (2, 1)
    shut = pair.chat("main/kimi-k2.6")
    assert (shut.status, json.loads(shut.body)["error"]["type"]) == (503, "server_unavailable")
    assert int(shut.headers["retry-after"]) >= 1
    assert pair.sent == (2, 1)


def test_an_upstream_that_cannot_be_reached_was_not_sent_anything(pair: Pair) -> None:
    pair.chat()
    pair.main.close()  # its list is known, its door is shut
    got = pair.chat()
    assert (got.status, got.headers["x-moongate-provider"]) == (200, "spare")
