"""Files and batches as a client of the gateway sees them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from moongate.facts.money import Money
from moongate.gateway import config
from moongate.settings.load import Flags
from moongate.testing import Account, MoonshotServer
from moongate.testing.files import StoredFile

CHAT = "/v1/chat/completions"
BOUNDARY = "the-boundary"


def lines(count: int, **body: Any) -> bytes:
    """A batch file of so many lines."""
    made = (
        {
            "custom_id": f"line-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": "kimi-k2.6",
                "messages": [{"role": "user", "content": f"hello {number}"}],
                "max_tokens": 100,
                **body,
            },
        }
        for number in range(count)
    )
    return b"".join(json.dumps(line).encode() + b"\n" for line in made)


def form(content: bytes, *, purpose: str | None = "batch", filename: str | None = "in.jsonl", name: str = "file"):
    """A multipart body."""
    parts = []
    if purpose is not None:
        parts.append(b'Content-Disposition: form-data; name="purpose"\r\n\r\n' + purpose.encode())
    if filename is not None:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        parts.append(head.encode() + b"Content-Type: text/plain\r\n\r\n" + content)
    return b"".join(b"--the-boundary\r\n%b\r\n" % part for part in parts) + b"--the-boundary--\r\n"


def picture(*ids: str, model: str = "kimi-k2.6", **more: Any) -> dict[str, Any]:
    """A chat that refers to files."""
    parts = [{"type": "image_url", "image_url": {"url": f"ms://{id_}"}} for id_ in ids]
    return {"model": model, "messages": [{"role": "user", "content": parts}], "max_tokens": 100, **more}


class Shop:
    """What a client does with files and batches, and what an upstream knows of it."""

    kind = f"multipart/form-data; boundary={BOUNDARY}"
    lines = staticmethod(lines)
    form = staticmethod(form)
    picture = staticmethod(picture)

    def upload(self, client, content: bytes, *, to: str | None = None, **more: Any):
        headers = {"content-type": self.kind} | ({} if to is None else {"x-moongate-provider": to})
        return client.ask("POST", "/v1/files", form(content, **more), headers=headers)

    def image(self, client, *, to: str | None = None) -> str:
        """Upload an image, and return its id."""
        got = self.upload(client, b"\x89PNG\r\n\x1a\n" + bytes(64), to=to, purpose="image", filename="a.png")
        assert got.status == 200, got.body
        return str(got.json()["id"])

    def there(self, server: MoonshotServer) -> list[StoredFile]:
        """The files that lie at an upstream."""
        return list(server.files.of(server.accounts.default))

    def urls(self, server: MoonshotServer) -> list[str]:
        """What the chats that an upstream saw refer to."""
        asked = (request.json() for request in server.requests if request.path == CHAT)
        return [part["image_url"]["url"] for body in asked for part in body["messages"][0]["content"]]

    def batch(self, client, content: bytes, **more: Any):
        """Upload a file and make a batch of it."""
        id_ = self.upload(client, content).json()["id"]
        order = {"input_file_id": id_, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        return client.ask("POST", "/v1/batches", order | more)

    def ended(self, client, id_: str, *, within_s: float = 30) -> Any:
        """Wait for the end of a batch, and return it."""
        end = time.monotonic() + within_s
        while True:
            shown = client.ask("GET", f"/v1/batches/{id_}").json()
            if shown["status"] in ("completed", "failed", "expired", "cancelled"):
                return shown
            assert time.monotonic() < end, shown
            time.sleep(0.05)

    def results(self, client, id_: str) -> list[Any]:
        got = client.ask("GET", f"/v1/files/{id_}/content")
        assert got.status == 200
        return [json.loads(line) for line in got.body.splitlines()]


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def other(client):
    """Another account of the same gateway."""
    client.running.desk.create_account("eve", Money.of(10, "USD"))
    return replace(client, secret=client.running.desk.create_key("eve")[1])


TABLE = """
[gateway.upstreams.one]
provider = "moonshot"
base_url = "{one}"
key_env = "ONE_KEY"

[gateway.upstreams.two]
provider = "moonshot"
base_url = "{two}"
key_env = "TWO_KEY"

[gateway.routes]
best = ["one/kimi-k2.6", "two/kimi-k2.6"]
"""


@dataclass(frozen=True)
class Two:
    """Two upstreams, and a configuration that names them."""

    one: MoonshotServer
    two: MoonshotServer
    path: Path
    kit: Any

    def write(self, *changes: tuple[str, str]) -> None:
        """Write the configuration, changed."""
        text = TABLE.format(one=self.one.base_url, two=self.two.base_url)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.path.write_text(text)

    def gateway(self, *changes: tuple[str, str]) -> Any:
        """Return a gateway over the configuration, changed; the data folder is always the same."""
        self.write(*changes)
        return self.kit.gateway(config.read(Flags(config=str(self.path))))


@pytest.fixture
def two(tmp_path: Path, kit: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    with ExitStack() as stack:
        servers = [MoonshotServer(models=["kimi-k2.6"]) for _ in range(2)]
        one, other = (stack.enter_context(server) for server in servers)
        spare = Account()
        one.accounts.add(spare)
        monkeypatch.setenv("ONE_KEY", one.key)
        monkeypatch.setenv("TWO_KEY", other.key)
        monkeypatch.setenv("SPARE_KEY", spare.key)
        yield Two(one, other, tmp_path / "gate.toml", kit)
