"""Media from paths, bytes and addresses, against a real server; addresses that must not be fetched."""

from __future__ import annotations

import asyncio
import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import moongate
from moongate.testing import MoonshotServer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\0" * 32


@pytest.fixture
def server():
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        yield server


@pytest.fixture
def client(server):
    with moongate.Client("moonshot", base_url=server.base_url, api_key=server.key) as client:
        yield client


@pytest.fixture
def web():
    """A host that serves a picture at /p.png, a redirect at /elsewhere, and a file without end at /endless."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/p.png":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(PNG)
            elif self.path == "/endless":
                self.send_response(200)
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(b"\0" * 65536)
                except OSError:
                    return
            else:
                self.send_response(302)
                self.send_header("location", "http://127.0.0.1/")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as host:
        thread = threading.Thread(target=host.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{host.server_port}"
        host.shutdown()
        thread.join()


def test_small_media_are_inlined(client, server, tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    for source in (PNG, tmp_path / "a.png", str(tmp_path / "a.png")):
        part = client.image(source)
        assert part["type"] == "image_url"
        assert part["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert client.video(MP4)["video_url"]["url"].startswith("data:video/mp4;base64,")
    content = [{"type": "text", "text": "What is it?"}, client.image(PNG)]
    assert client.chat(messages=[{"role": "user", "content": content}]).finish_reason == "stop"
    assert server.count("POST", "/v1/files") == 0


def test_large_media_are_uploaded(client, server) -> None:
    part = client.video(MP4 + b"\0" * (9 * 1024 * 1024))
    assert part["video_url"]["url"].startswith("ms://")
    assert client.files.show(part["video_url"]["url"].removeprefix("ms://")).purpose == "video"


def test_the_same_for_asyncio(server) -> None:
    async def main() -> str:
        async with moongate.AsyncClient("moonshot", base_url=server.base_url, api_key=server.key) as client:
            part = await client.image(PNG + b"\0" * (9 * 1024 * 1024))
            return str(part["image_url"]["url"])

    assert asyncio.run(main()).startswith("ms://")


@pytest.mark.parametrize("source", [b"", b"plain text, no picture", MP4])
def test_what_is_no_image_is_not_sent(client, server, source) -> None:
    with pytest.raises(moongate.UsageError):
        client.image(source)
    assert server.count("POST", "/v1/files") == 0


def test_a_file_that_is_not_there(client, tmp_path) -> None:
    with pytest.raises(moongate.UsageError, match="cannot be read"):
        client.image(tmp_path / "none.png")


def test_private_addresses_are_not_fetched(client, web) -> None:
    for url in (f"{web}/p.png", web.replace("127.0.0.1", "localhost") + "/p.png", "http://169.254.169.254/latest"):
        with pytest.raises(moongate.UsageError, match="not a public host"):
            client.image(url)


def test_an_address_that_was_allowed(client, web) -> None:
    part = client.image(f"{web}/p.png", allow_private=True)
    assert part["image_url"]["url"].endswith(base64.b64encode(PNG).decode())


def test_redirects_and_endless_files_end(client, web) -> None:
    with pytest.raises(moongate.UnavailableError, match="redirects are not followed"):
        client.image(f"{web}/elsewhere", allow_private=True)
    with pytest.raises(moongate.UnavailableError, match="larger than"):
        client.image(f"{web}/endless", allow_private=True)


def test_other_schemes_and_passwords_are_refused(client) -> None:
    for url in ("http://user:secret@example.org/p.png", "https:///p.png"):
        with pytest.raises(moongate.UsageError) as caught:
            client.image(url)
        assert "cannot be fetched" in str(caught.value) or "can be fetched" in str(caught.value)


def test_a_document_becomes_a_system_message_and_leaves_nothing_behind(client, tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk.")
    message = client.document(tmp_path / "notes.txt")
    assert message["role"] == "system"
    assert "Buy milk." in message["content"]
    assert client.files.list() == ()
