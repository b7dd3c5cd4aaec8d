"""One verbatim example of every error status of the gateway, made by running it, for `make_docs`."""

from __future__ import annotations

import contextlib
import http.client
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from moongate.facts.money import Money
from moongate.gateway import replies, serve
from moongate.settings.load import Flags, load, scrubbed
from moongate.testing import Fault, MoonshotServer

CHAT = "/v1/chat/completions"
HELLO = '{"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hello"}]}'
ASKED_WRONG = HELLO.replace("k2.6", "k2-6")
PART = '{"type": "image_url", "image_url": {"url": "ms://file-1"}}'
OTHERS = HELLO.replace('"hello"', f"[{PART}]")
TWICE = HELLO.replace('"messages"', '"model": "kimi-k3", "messages"')


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request that is refused. Of `headers`, a value of None leaves a usual one out."""

    why: str
    method: str = "POST"
    path: str = CHAT
    body: str | None = HELLO
    shown: str | None = None  # instead of the body
    headers: Mapping[str, str | None] = field(default_factory=dict)
    fault: Fault | None = None  # of the upstream
    account: str = "rich"


CASES = (
    Case(why="a body that two parsers could read in two ways", body=TWICE),
    Case(why="no key", headers={"authorization": None}),
    Case(why="a wrong, expired or revoked key", headers={"authorization": "Bearer sk-mg-wrong"}),
    Case(why="a host that is not configured", headers={"host": "evil.example"}),
    Case(why="an id that no upstream lists", body=ASKED_WRONG),
    Case(why="a file of another account, or of none", body=OTHERS),
    Case(why="an unknown route", path="/v1/responses"),
    Case(why="a body beyond max_body_bytes", body=HELLO + " " * 5000, shown="(too many bytes)"),
    Case(why="a body that is not called JSON", headers={"content-type": "text/plain"}),
    Case(why="an expectation that HTTP does not know", headers={"expect": "a-miracle"}),
    Case(why="an account without money", account="poor"),
    Case(why="a limit at the provider", fault=Fault("refusal", name="rpm", path=CHAT)),
    Case(why="an overloaded provider", fault=Fault("refusal", name="overloaded", path=CHAT)),
    Case(why="a head that is too large", headers={"x-flood": "x" * 70_000}, shown="(with a header of 70,000 bytes)"),
    Case(why="the provider fails", fault=Fault("status", path=CHAT, status=500, body={"error": {"message": "?"}})),
    Case(why="the provider's answer is no JSON", fault=Fault("garbage", path=CHAT)),
    Case(why="the provider breaks the connection off", fault=Fault("reset", path=CHAT)),
    Case(why="the provider does not answer in time", fault=Fault("stall", path=CHAT)),
)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A request and its answer, as they are shown."""

    why: str
    status: int
    asked: str
    answered: str


def page() -> str:
    """Return the examples as Markdown, by status."""
    found = sorted([*examples(), too_slow()], key=lambda example: example.status)
    return "\n".join(f"**{e.status}**, {e.why}:\n\n```http\n{e.asked}\n\n{e.answered}\n```\n" for e in found)


def examples() -> Iterator[Example]:
    """Run every case against one gateway."""
    with (
        tempfile.TemporaryDirectory(prefix="moongate-errors-") as folder,
        MoonshotServer(models=["kimi-k2.6"]) as server,
    ):
        config = Path(folder) / "gate.toml"
        config.write_text("[gateway]\nmax_body_bytes = 4000\n", "utf-8")
        kept = {f"MOONGATE_{kind.upper()}_DIR": f"{folder}/{kind}" for kind in ("cache", "config", "data")}
        said = {"MOONSHOT_BASE_URL": server.base_url, "MOONSHOT_API_KEY": server.key}
        settings = load(Flags(config=str(config), provider="moonshot", timeout=0.5), env=scrubbed() | kept | said)
        with serve.running(settings) as running:
            keys = {}
            for name, money in (("rich", 10), ("poor", 0)):
                running.desk.create_account(name, Money.of(money, "USD"))
                keys[name] = running.desk.create_key(name)[1]
            for case in CASES:
                if case.fault is not None:
                    server.inject(case.fault)
                yield example(case, running.base_url, keys[case.account])
                server.heal()


def example(case: Case, base_url: str, key: str) -> Example:
    """Send one request and return what came."""
    parts = urlsplit(base_url)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **case.headers}
    with contextlib.closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)) as connection:
        sent = {name: value for name, value in headers.items() if value is not None}
        connection.request(case.method, case.path, case.body, sent)
        with connection.getresponse() as response:
            told = response.read().decode()
            wait = response.headers.get("retry-after")
    lines = [f"HTTP/1.1 {response.status}"]
    lines += [f"retry-after: {wait}"] if wait else []
    shown = case.shown or case.body or ""
    odd = [f"{name}: {value}" for name, value in case.headers.items() if value is not None and len(value) < 99]
    asked = "\n".join([f"{case.method} {case.path}", *odd, shown]).rstrip()
    answered = steady("\n".join([*lines, told]), port=str(parts.port))
    return Example(why=case.why, status=response.status, asked=asked, answered=answered)


def too_slow() -> Example:
    """Return the one that takes half a minute to come about, from the same value that would be sent."""
    answered = f"HTTP/1.1 408\n{replies.TOO_SLOW.body.decode()}"
    return Example(
        why="a body that stops arriving", status=408, asked=f"POST {CHAT}\n(half of it)", answered=answered
    )


def steady(text: str, *, port: str) -> str:
    """Return a text without what differs from run to run."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:…", text.replace(f":{port}", ":…"))
    return re.sub(r"listed (just now|\d+ s ago)", "listed …", text)
