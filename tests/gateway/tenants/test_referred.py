"""Chats that refer to uploaded files: to whose, where they go, and what leaves."""

from __future__ import annotations

import json

import pytest

from moongate.facts.money import Money
from moongate.testing import Fault

CHAT = "/chat/completions"
JSON = {"content-type": "application/json"}


def test_an_upstream_is_sent_the_id_that_it_knows(client, upstream, shop) -> None:
    id_ = shop.image(client)
    (stored,) = shop.there(upstream)
    assert client.chat(shop.picture(id_)).status == 200
    assert client.chat(shop.picture(id_, stream=True)).status == 200
    assert client.chat(shop.picture(id_, user="x" * 1_500_000)).status == 200
    body = json.dumps(shop.picture(id_, id_)).encode()
    for spelled in (body.replace(b"ms://", rb"ms:\/\/"), body.replace(b"ms://", rb"\u006dS:/\u002f")):
        assert client.chat(spelled, headers=JSON).status == 200
    assert shop.urls(upstream) == [f"ms://{stored.id}"] * 7
    assert len(client.ledger) == 5


def test_a_chat_that_refers_to_what_is_not_its_accounts_is_not_sent(client, other, upstream, shop) -> None:
    id_ = shop.image(client)
    (stored,) = shop.there(upstream)
    batch = shop.upload(client, shop.lines(1)).json()["id"]
    for who, named in ((other, id_), (other, stored.id), (client, stored.id), (client, "made-up"), (client, batch)):
        for body in (shop.picture(named), shop.picture(named, stream=True), shop.picture(id_, named)):
            refused = who.chat(body)
            assert (refused.status, refused.error["type"]) == (404, "resource_not_found_error")
            assert "not found among those that this account uploaded here" in refused.error["message"]
    assert upstream.count("POST", CHAT) == 0
    assert client.balance == Money.of(10, "USD")


@pytest.mark.parametrize(
    "url", ["MS://{}", " ms://{}", "\nms://{}", "m\ts://{}", "ms://{} ", "ms://%66{}", "ms:///{}"]
)
def test_no_spelling_leads_to_anothers_file(client, other, upstream, shop, url) -> None:
    ids = shop.image(client), shop.there(upstream)[0].id
    for id_ in ids:
        body = shop.picture("")
        body["messages"][0]["content"][0]["image_url"]["url"] = url.format(id_)
        assert other.chat(body).status == 404
    assert upstream.count("POST", CHAT) == 0


def test_no_field_leads_to_anothers_file(client, other, upstream, shop) -> None:
    """Whatever an upstream takes for a file beside `ms://`: what a caller can name is unknown there."""
    id_ = shop.image(client)
    part = {"type": "file", "file": {"file_id": id_}}
    other.chat({**shop.picture(), "messages": [{"role": "user", "content": [part]}]})
    (asked,) = (request for request in upstream.requests if request.path.endswith(CHAT))
    assert shop.there(upstream)[0].id.encode() not in asked.body


def test_a_text_that_speaks_of_files_stays_a_text(client, upstream, shop) -> None:
    id_ = shop.image(client)
    (stored,) = shop.there(upstream)
    for text in ("what is ms://x ?", f"ms://{id_}", f'"ms://{id_}"', json.dumps({"url": f"ms://{id_}"})):
        body = shop.picture(id_)
        body["messages"][0]["content"].append({"type": "text", "text": text})
        assert client.chat(body).status == 200
        parts = upstream.requests[-1].json()["messages"][0]["content"]
        assert parts[0]["image_url"]["url"] == f"ms://{stored.id}"
        assert parts[1]["text"] == text  # so that no model can be made to tell the id


def test_a_chat_refers_to_files_so_often(client, upstream, shop) -> None:
    refused = client.chat(shop.picture(*map(str, range(257))))
    assert (refused.status, "at most 256 times" in refused.error["message"]) == (400, True)


def test_stream_options_cannot_hide_a_file(client, upstream, shop) -> None:
    options = {"include_usage": False, "url": f"ms://{shop.image(client)}"}
    refused = client.chat(shop.picture(stream=True, stream_options=options))
    assert (refused.status, upstream.count("POST", CHAT)) == (400, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_what_an_upstream_says_of_a_file_is_said_with_the_callers_id(client, upstream, shop, stream) -> None:
    id_ = shop.image(client)
    (stored,) = shop.there(upstream)
    said = {"error": {"message": f"Invalid request: file {stored.id} is no image", "type": "invalid_request_error"}}
    upstream.inject(Fault("status", path=CHAT, status=400, body=said))
    got = client.chat(shop.picture(id_, stream=stream))
    assert (got.status, got.error["message"]) == (400, f"Invalid request: file {id_} is no image")


def test_so_is_what_it_says_in_the_middle_of_a_stream(client, upstream, shop) -> None:
    id_ = shop.image(client)
    (stored,) = shop.there(upstream)
    said = {"error": {"message": f"file {stored.id} is no image", "type": "invalid_request_error"}}
    upstream.inject(Fault("error_in_stream", path=CHAT, body=said))
    got = client.chat(shop.picture(id_, stream=True))
    assert f"file {id_} is no image" in got.body.decode()
    assert stored.id not in got.body.decode()


def test_the_tokens_of_a_file_are_counted_for_its_account_alone(client, other, upstream, shop) -> None:
    id_ = shop.image(client)
    path = "/v1/tokenizers/estimate-token-count"
    assert client.ask("POST", path, shop.picture(id_)).json()["data"]["total_tokens"] > 0
    assert shop.there(upstream)[0].id.encode() in upstream.requests[-1].body
    refused = other.ask("POST", path, shop.picture(id_))
    assert (refused.status, f"file {id_} not found" in refused.error["message"]) == (404, True)
    assert upstream.count("POST", path) == 1


def test_a_batch_line_refers_to_its_accounts_files_alone(client, other, upstream, shop) -> None:
    id_ = shop.image(client)
    lines = shop.lines(1, messages=shop.picture(id_)["messages"])
    mine = shop.ended(client, shop.batch(client, lines).json()["id"])
    assert mine["request_counts"] == {"total": 1, "completed": 1, "failed": 0}
    assert shop.urls(upstream) == [f"ms://{shop.there(upstream)[0].id}"]
    others = shop.ended(other, shop.batch(other, lines).json()["id"])
    assert others["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
    (line,) = shop.results(other, others["error_file_id"])
    assert line["response"]["status_code"] == 404


def test_a_chat_goes_where_its_files_are_and_nowhere_else(two, shop) -> None:
    with two.gateway() as client:
        first, second = shop.image(client), shop.image(client, to="two")
        assert client.chat(shop.picture(second, model="best")).status == 200  # not at the first in line
        assert shop.urls(two.two) == [f"ms://{shop.there(two.two)[0].id}"]
        two.one.inject(Fault("refusal", path=CHAT, name="rpm"))
        assert client.chat(shop.picture(first, model="best")).status == 429  # no fallback has the file
        elsewhere = client.chat(shop.picture(second, model="one/kimi-k2.6"))
        assert elsewhere.status == 400
        assert "The files lie at 'two', and 'one/kimi-k2.6' leads to one" in elsewhere.error["message"]
        both = client.chat(shop.picture(first, second, model="best"))
        assert (both.status, "different upstreams: one, two" in both.error["message"]) == (400, True)
        assert (two.one.count("POST", CHAT), two.two.count("POST", CHAT)) == (1, 1)


def test_an_id_is_no_ones_to_guess(client, shop) -> None:
    ids = {shop.image(client) for _ in range(3)}
    assert len(ids) == 3
    assert all(len(bytes.fromhex(id_.removeprefix("file-"))) >= 12 for id_ in ids)
