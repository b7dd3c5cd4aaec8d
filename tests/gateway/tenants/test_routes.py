"""`/v1/files` and `/v1/batches` over HTTP."""

from __future__ import annotations

import pytest

from moongate.facts.money import Money


@pytest.fixture
def other(client):
    """A client of another account."""
    client.running.desk.create_account("bob", Money.of(1, "USD"))
    _, secret = client.running.desk.create_key("bob", "test")
    return type(client)(client.running, secret)


def test_a_file_is_shown_listed_read_back_and_deleted(client, shop) -> None:
    content = shop.lines(3)
    file = shop.upload(client, content).json()
    assert (file["object"], file["bytes"], file["purpose"], file["status"], file["filename"]) == (
        "file",
        len(content),
        "batch",
        "ready",
        "in.jsonl",
    )
    assert client.ask("GET", f"/v1/files/{file['id']}").json() == file
    assert client.ask("GET", "/v1/files").json()["data"] == [file]
    assert client.ask("GET", "/v1/files?purpose=batch_output").json()["data"] == []
    assert client.ask("GET", f"/v1/files/{file['id']}/content").body == content
    gone = client.ask("DELETE", f"/v1/files/{file['id']}").json()
    assert gone == {"id": file["id"], "object": "file", "deleted": True}
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        got = client.ask(method, f"/v1/files/{file['id']}{path}")
        assert (got.status, got.error["type"]) == (404, "resource_not_found_error")


def test_what_an_account_made_no_other_sees(client, other, shop, upstream) -> None:
    file = shop.upload(client, shop.lines(2)).json()
    batch = shop.batch(client, shop.lines(2)).json()
    ended = shop.ended(client, batch["id"])
    for id_ in (file["id"], ended["output_file_id"]):
        assert other.ask("GET", f"/v1/files/{id_}").status == 404
        assert other.ask("GET", f"/v1/files/{id_}/content").status == 404
        assert other.ask("DELETE", f"/v1/files/{id_}").status == 404
    assert other.ask("GET", f"/v1/batches/{batch['id']}").status == 404
    assert other.ask("POST", f"/v1/batches/{batch['id']}/cancel").status == 404
    order = {"input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    assert other.ask("POST", "/v1/batches", order).status == 400
    assert other.ask("GET", "/v1/files").json()["data"] == other.ask("GET", "/v1/batches").json()["data"] == []
    assert upstream.count("GET", "/v1/files") == upstream.count("GET", "/v1/batches") == 0


def test_batches_are_listed_in_pages_newest_first(client, shop) -> None:
    made = [shop.batch(client, shop.lines(1)).json()["id"] for _ in range(5)]
    first = client.ask("GET", "/v1/batches?limit=2").json()
    assert [row["id"] for row in first["data"]] == made[:2:-1]
    assert first["has_more"] is True
    rest = client.ask("GET", f"/v1/batches?limit=10&after={first['last_id']}").json()
    assert [row["id"] for row in rest["data"]] == made[2::-1]
    assert rest["has_more"] is False
    assert client.ask("GET", "/v1/batches?limit=0").status == 400
    assert client.ask("GET", "/v1/batches?after=batch-of-nobody").json()["data"] == []
    for id_ in made:
        shop.ended(client, id_)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"endpoint": "/v1/embeddings"}, "endpoint must be /v1/chat/completions"),
        ({"completion_window": "11h"}, "completion_window must be between 12h and 7d"),
        ({"completion_window": "8d"}, "completion_window must be between 12h and 7d"),
        ({"completion_window": None}, "completion_window must be between 12h and 7d"),
        ({"metadata": {"key": 1}}, "metadata allows 16 pairs"),
        ({"input_file_id": "file-of-nobody"}, "is not a file with purpose batch"),
        ({"input_file_id": 7}, "is not a file|must be the id of a file"),
    ],
)
def test_a_batch_that_cannot_be_is_refused(client, shop, change, said) -> None:
    id_ = shop.upload(client, shop.lines(1)).json()["id"]
    order = {"input_file_id": id_, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    got = client.ask("POST", "/v1/batches", order | change)
    assert got.status == 400
    assert any(part in got.error["message"] for part in said.split("|"))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"purpose": "batch_output"}, "Invalid purpose: batch_output"),
        ({"purpose": None}, "Invalid purpose"),
        ({"filename": None}, "file is required"),
        ({"name": "files"}, "longer than|file is required"),
    ],
)
def test_an_upload_that_cannot_be_is_refused_and_leaves_nothing(client, shop, tmp_path, form, said) -> None:
    got = shop.upload(client, shop.lines(9), **form)
    assert got.status == 400
    assert any(part in got.error["message"] for part in said.split("|"))
    assert client.ask("GET", "/v1/files").json()["data"] == []
    assert _content(client) == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", None),
        (b"{}", "application/json"),
        (b"", "multipart/form-data"),
        (b"no multipart", "multipart/form-data; boundary=the-boundary"),
        (b"--the-boundary\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\ncut", None),
        (b"--the-boundary--\r\n", None),
    ],
)
def test_a_body_that_is_no_upload_is_refused(client, shop, body, kind) -> None:
    got = client.ask("POST", "/v1/files", body, headers={"content-type": kind or shop.kind})
    assert (got.status, got.error["type"]) == (400, "invalid_request_error")
    assert _content(client) == []


def test_an_empty_file_is_refused(client, shop) -> None:
    assert "File size is zero" in shop.upload(client, b"").error["message"]


def test_a_file_above_100_mb_is_refused_and_leaves_nothing(client, shop) -> None:
    got = shop.upload(client, b"x" * (100 * 1024 * 1024 + 1))
    assert got.status == 400
    assert "max file size is 100MB" in got.error["message"]
    assert _content(client) == []


def test_files_are_for_their_owner_alone_on_the_disk_too(client, shop) -> None:
    shop.upload(client, shop.lines(1), filename="../../evil\\..\\name.jsonl")
    (row,) = client.ask("GET", "/v1/files").json()["data"]
    assert row["filename"] == "name.jsonl"
    (path,) = _content(client)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_every_route_wants_a_key_and_a_host_and_origin_that_are_known(client, shop) -> None:
    routes = (("POST", "/v1/files"), ("GET", "/v1/files"), ("GET", "/v1/files/x"), ("DELETE", "/v1/files/x"))
    routes += (("GET", "/v1/files/x/content"), ("POST", "/v1/batches"), ("GET", "/v1/batches"))
    for method, path in (*routes, ("GET", "/v1/batches/x"), ("POST", "/v1/batches/x/cancel")):
        kind = {"content-type": shop.kind} if method == "POST" else {}
        assert client.ask(method, path, headers={**kind, "authorization": None}).status == 401
        assert client.ask(method, path, headers={**kind, "authorization": "Bearer wrong"}).status == 401
        assert client.ask(method, path, headers={**kind, "host": "evil.example"}).status == 403
        assert client.ask(method, path, headers={**kind, "origin": "https://evil.example"}).status == 403


def _content(client):
    folder = client.running.desk.path.parent / "tenants" / "content"
    return list(folder.iterdir())
