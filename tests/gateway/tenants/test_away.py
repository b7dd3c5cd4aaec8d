"""Files that lie at an upstream: whose they are, who may refer to them, and where such a chat goes."""

from __future__ import annotations

import http.client
import json
import os
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

import moongate
from moongate.facts.money import Money
from moongate.gateway import config
from moongate.settings.load import Flags
from moongate.testing import Fault, MoonshotServer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def picture(id_: str, model: str = "kimi-k2.6") -> dict[str, Any]:
    part = {"type": "image_url", "image_url": {"url": f"ms://{id_}"}}
    return {"model": model, "messages": [{"role": "user", "content": [part]}], "max_tokens": 100}


@pytest.fixture
def other(client):
    """Another account of the same gateway."""
    client.running.desk.create_account("eve", Money.of(10, "USD"))
    return replace(client, secret=client.running.desk.create_key("eve")[1])


def test_a_file_goes_upstream_and_back_and_its_text_into_a_chat(client, upstream, shop) -> None:
    made = shop.upload(client, b"a page of text", purpose="file-extract", filename="page.txt")
    assert made.status == 200
    file = made.json()
    assert (file["purpose"], file["bytes"], file["filename"]) == ("file-extract", 14, "page.txt")
    assert made.headers["x-moongate-provider"] == "moonshot"
    assert client.ask("GET", f"/v1/files/{file['id']}").json()["status"] == "ready"
    assert client.ask("GET", f"/v1/files/{file['id']}/content").body == b"a page of text"
    assert [row["id"] for row in client.ask("GET", "/v1/files").json()["data"]] == [file["id"]]
    assert client.ask("DELETE", f"/v1/files/{file['id']}").json()["deleted"] is True
    assert client.ask("GET", f"/v1/files/{file['id']}").status == 404
    assert [request.method for request in upstream.requests if "/files" in request.path] == [
        *("POST", "GET", "GET", "DELETE")
    ]
    assert client.ledger == []  # files cost nothing


def test_a_file_is_its_accounts_alone(client, other, upstream, shop) -> None:
    id_ = shop.upload(client, PNG, purpose="image", filename="a.png").json()["id"]
    assert client.chat(picture(id_)).status == 200
    asked = upstream.count("POST", "/chat/completions")
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        assert other.ask(method, f"/v1/files/{id_}{path}").status == 404
    assert other.ask("GET", "/v1/files").json()["data"] == []
    body = json.dumps(picture(id_)).encode()
    for spelled in (body, body.replace(b"ms://", rb"ms:\/\/"), body.replace(b"ms://", rb"\u006ds:/\u002f")):
        refused = other.chat(spelled, headers={"content-type": "application/json"})
        assert (refused.status, refused.json()["error"]["message"]) == (404, f"file {id_} not found")
        assert client.chat(spelled, headers={"content-type": "application/json"}).status == 200
    assert upstream.count("POST", "/chat/completions") == asked + 3
    assert [row.outcome for row in other.ledger if row.outcome == "ok"] == ["ok"] * 4


def test_a_file_that_nobody_uploaded_here_is_refused_unsent(client, upstream) -> None:
    refused = client.chat(picture("made-up"))
    assert (refused.status, refused.json()["error"]["message"]) == (404, "file made-up not found")
    assert upstream.count("POST") == 0


@pytest.mark.parametrize("url", ["MS://{}", " ms://{}", "\nms://{}", "m\ts://{}"])
def test_no_spelling_leads_to_anothers_file(client, other, upstream, shop, url) -> None:
    id_ = shop.upload(client, PNG, purpose="image", filename="a.png").json()["id"]
    body = picture("")
    body["messages"][0]["content"][0]["image_url"]["url"] = url.format(id_)
    assert other.chat(body).status == 404
    assert upstream.count("POST", "/chat/completions") == 0


def test_the_tokens_of_a_file_are_counted_for_its_account_alone(client, other, upstream, shop) -> None:
    id_ = shop.upload(client, PNG, purpose="image", filename="a.png").json()["id"]
    path = "/v1/tokenizers/estimate-token-count"
    assert client.ask("POST", path, picture(id_)).json()["data"]["total_tokens"] > 0
    refused = other.ask("POST", path, picture(id_))
    assert (refused.status, refused.json()["error"]["message"]) == (404, f"file {id_} not found")
    assert upstream.count("POST", path) == 1


def test_a_chat_refers_to_so_many_files(client, upstream) -> None:
    body = picture("0")
    body["messages"][0]["content"] += [picture(str(n))["messages"][0]["content"][0] for n in range(1, 257)]
    refused = client.chat(body)
    assert (refused.status, "at most 256 files" in refused.json()["error"]["message"]) == (400, True)


def test_a_download_that_breaks_off_is_not_taken_for_a_whole_one(client, upstream, shop, caplog) -> None:
    id_ = shop.upload(client, PNG * 50_000, purpose="file-extract", filename="a.pdf").json()["id"]
    upstream.inject(Fault("truncate", path=f"/files/{id_}/content", at="middle"))
    with (
        client.opened("GET", f"/v1/files/{id_}/content") as response,
        pytest.raises((http.client.IncompleteRead, ConnectionError)),
    ):
        response.read()
    assert "Traceback" not in caplog.text
    assert client.ask("GET", f"/v1/files/{id_}/content").body == PNG * 50_000


def test_who_leaves_in_the_middle_of_a_download_lets_the_upstream_go(client, shop, kit) -> None:
    id_ = shop.upload(client, PNG * 500_000, purpose="file-extract", filename="a.pdf").json()["id"]
    (upstream,) = client.running._worker.upstreams.every
    with client.opened("GET", f"/v1/files/{id_}/content") as response:
        assert response.read(8) == PNG[:8]
        assert upstream.throttle.in_flight == 1  # so that a reload leaves it open
    kit.eventually(lambda: upstream.throttle.in_flight == 0)


def test_text_that_speaks_of_files_refers_to_none(client) -> None:
    body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "what is ms://x ?"}], "max_tokens": 9}
    assert client.chat(body).status == 200


def test_a_batch_line_refers_to_its_accounts_files_alone(client, other, shop) -> None:
    id_ = shop.upload(client, PNG, purpose="image", filename="a.png").json()["id"]
    lines = shop.lines(1, messages=picture(id_)["messages"])
    mine = shop.ended(client, shop.batch(client, lines).json()["id"])
    assert mine["request_counts"] == {"total": 1, "completed": 1, "failed": 0}
    others = shop.ended(other, shop.batch(other, lines).json()["id"])
    assert others["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
    (line,) = shop.results(other, others["error_file_id"])
    assert line["response"]["status_code"] == 404


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (Fault("reset", path="/files", method="POST"), 503, "may have the file all the same"),
        (Fault("truncate", path="/files", method="POST"), 503, "may have the file all the same"),
        (Fault("garbage", path="/files", method="POST", accepted=True), 502, "may have the file all the same"),
        (Fault("html_504", path="/files", method="POST", accepted=True), 500, "may have the file all the same"),
        (Fault("refusal", name="wrong_key", path="/files", method="POST"), 503, ""),
        (Fault("refusal", name="no_money", path="/files", method="POST"), 429, "only its operator can mend that"),
    ],
)
def test_what_an_upstream_says_to_an_upload_is_passed_on_and_nothing_is_kept(
    client, upstream, shop, fault, status, said
) -> None:
    upstream.inject(fault)
    got = shop.upload(client, PNG, purpose="image", filename="a.png")
    assert got.status == status, got.body
    assert said in got.body.decode()
    assert upstream.count("POST", "/files") == 1  # never sent twice unasked
    assert client.ask("GET", "/v1/files").json()["data"] == []


def test_a_file_that_is_gone_upstream_is_gone(client, upstream, shop) -> None:
    id_ = shop.upload(client, PNG, purpose="image", filename="a.png").json()["id"]
    with moongate.Client("moonshot", api_key=upstream.key, base_url=upstream.base_url) as directly:
        assert directly.files.delete(id_)
    assert client.ask("GET", f"/v1/files/{id_}").status == 404
    assert client.ask("GET", f"/v1/files/{id_}/content").status == 404
    assert client.ask("DELETE", f"/v1/files/{id_}").json()["deleted"] is True
    assert client.ask("GET", "/v1/files").json()["data"] == []


def test_an_account_has_room_for_so_many(upstream, kit, tmp_path, shop) -> None:
    with kit.gateway(kit.settings(upstream, tmp_path, gateway="max_files = 1")) as client:
        assert shop.upload(client, PNG, purpose="image", filename="a.png").status == 200
        got = shop.upload(client, PNG, purpose="image", filename="b.png")
        assert (got.status, "max file count 1" in got.body.decode()) == (400, True)
        assert upstream.count("POST", "/files") == 1


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


def test_a_chat_goes_where_its_files_are(tmp_path, kit, shop, monkeypatch) -> None:
    with ExitStack() as stack:
        one, two = (stack.enter_context(MoonshotServer(models=["kimi-k2.6"])) for _ in range(2))
        monkeypatch.setitem(os.environ, "ONE_KEY", one.key)
        monkeypatch.setitem(os.environ, "TWO_KEY", two.key)
        path = tmp_path / "gate.toml"
        path.write_text(TABLE.format(one=one.base_url, two=two.base_url))
        client = stack.enter_context(kit.gateway(config.read(Flags(config=str(path)))))

        def upload(wanted: str | None):
            headers = {"content-type": shop.kind} | ({} if wanted is None else {"x-moongate-provider": wanted})
            return client.ask("POST", "/v1/files", shop.form(PNG, purpose="image"), headers=headers)

        first, second = upload(None).json()["id"], upload("two").json()["id"]
        assert (one.count("POST", "/files"), two.count("POST", "/files")) == (1, 1)
        assert upload("three").status == 400
        assert client.chat(picture(second, "best")).status == 200  # not at the first in line
        assert client.chat(picture(first, "best")).status == 200
        assert (one.count("POST", "/chat/completions"), two.count("POST", "/chat/completions")) == (1, 1)
        elsewhere = client.chat(picture(second, "one/kimi-k2.6"))
        assert elsewhere.status == 404
        assert "the files of the request lie at 'two'" in elsewhere.json()["error"]["message"]
        both = picture(first, "best")
        both["messages"][0]["content"] += picture(second)["messages"][0]["content"]
        assert client.chat(both).status == 400
        assert one.count("POST", "/chat/completions") + two.count("POST", "/chat/completions") == 2


def test_a_file_goes_to_the_first_upstream_that_knows_such_purposes(tmp_path, kit, shop, monkeypatch) -> None:
    with ExitStack() as stack:
        router = stack.enter_context(MoonshotServer(dialect="openrouter", models=["moonshotai/kimi-k2.6"]))
        moonshot = stack.enter_context(MoonshotServer(models=["kimi-k2.6"]))
        monkeypatch.setitem(os.environ, "ONE_KEY", router.key)
        monkeypatch.setitem(os.environ, "TWO_KEY", moonshot.key)
        path = tmp_path / "gate.toml"
        table = TABLE.partition("[gateway.routes]")[0].replace('"moonshot"', '"openrouter"', 1)
        path.write_text(table.format(one=router.base_url, two=moonshot.base_url))
        client = stack.enter_context(kit.gateway(config.read(Flags(config=str(path)))))
        got = shop.upload(client, b"a page", purpose="file-extract", filename="page.txt")
        assert (got.status, got.headers["x-moongate-provider"]) == (200, "two")
        assert router.count("POST") == 0
