"""Files and batches as a client of the gateway sees them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

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


class Shop:
    """What a client does with files and batches."""

    kind = f"multipart/form-data; boundary={BOUNDARY}"
    lines = staticmethod(lines)
    form = staticmethod(form)

    def upload(self, client, content: bytes, **more: Any):
        return client.ask("POST", "/v1/files", form(content, **more), headers={"content-type": self.kind})

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
