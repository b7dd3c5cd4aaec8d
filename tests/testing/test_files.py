"""Files: uploaded as forms, seen by their owner only, bounded as documented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from moongate.testing import Account, MoonshotServer, Readings

Ask = Callable[..., Any]
Upload = Callable[..., httpx2.Response]
FILE_OBJECT = {"id", "object", "bytes", "created_at", "filename", "purpose", "status"}  # required by the contract


def upload(
    server: MoonshotServer, content: bytes, *, name: str = "a.txt", purpose: str = "file-extract", key: str = ""
) -> httpx2.Response:
    return httpx2.post(
        f"{server.base_url}/files",
        headers={"authorization": f"Bearer {key or server.key}"},
        files={"file": (name, content)},
        data={"purpose": purpose},
    )


def test_images_are_extracted_or_not_as_two_pages_have_it() -> None:
    picture = b"\x89PNG\r\n\x1a\n..."
    for read, status in ((Readings(), 200), (Readings(images_extracted=False), 400)):
        with MoonshotServer(readings=read) as server:
            assert upload(server, picture, name="a.png").status_code == status
            assert upload(server, picture, name="a.png", purpose="image").status_code == 200


def test_a_file_there_and_back(server: MoonshotServer, ask: Ask) -> None:
    content = bytes(range(256)) * 5 + b"\r\n--\r\n\n"
    made = upload(server, content, name="日本.bin").json()
    assert made.keys() >= FILE_OBJECT
    assert (made["object"], made["bytes"], made["filename"], made["status"]) == ("file", 1287, "日本.bin", "ready")
    assert ask(server, "GET", f"/files/{made['id']}").json() == made
    assert ask(server, "GET", "/files").json() == {"object": "list", "data": [made]}
    got = ask(server, "GET", f"/files/{made['id']}/content")
    assert got.body == content and got.headers["content-type"].startswith("text/plain")
    gone = ask(server, "DELETE", f"/files/{made['id']}").json()
    assert gone == {"id": made["id"], "object": "file", "deleted": True}
    assert ask(server, "GET", f"/files/{made['id']}").status == 404


def test_only_the_owner_sees_a_file(server: MoonshotServer, ask: Ask) -> None:
    other = server.accounts.add(Account())
    made = upload(server, b"x").json()
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        assert ask(server, method, f"/files/{made['id']}{path}", key=other.key).status == 404
    assert ask(server, "GET", "/files", key=other.key).json()["data"] == []


def test_limits(server: MoonshotServer) -> None:
    server.files.file_max_bytes, server.files.count_max, server.files.total_max_bytes = 10, 2, 15
    assert upload(server, b"").json()["error"]["message"] == (
        "File size is zero, please confirm and re-upload the file"
    )
    assert upload(server, b"x" * 11).json()["error"]["message"] == (
        "File size is too large, max file size is 100MB, please confirm and re-upload the file"
    )
    assert upload(server, b"x" * 10).status_code == 200
    assert upload(server, b"x" * 10).status_code == 400
    assert upload(server, b"x").status_code == 200
    assert upload(server, b"x").json()["error"]["message"] == (
        "The number of files you have uploaded exceeded the max file count 2, please delete previous uploaded files"
    )


@pytest.mark.parametrize(
    ("reading", "purpose", "status"),
    [
        ("four", "batch", 200),
        ("four", "lambda", 400),
        ("four", "fine-tune", 400),
        ("six", "lambda", 200),
        ("extract", "batch", 400),
    ],
)
def test_purposes(reading: Any, purpose: str, status: int) -> None:
    with MoonshotServer(readings=Readings(purposes=reading)) as server:
        assert upload(server, b"x", purpose=purpose).status_code == status


def test_something_that_is_no_form(server: MoonshotServer, ask: Ask) -> None:
    assert ask(server, "POST", "/files", {"file": "x"}).status == 400
    assert ask(server, "POST", "/files", b"x", headers={"content-type": "multipart/form-data"}).status == 400
