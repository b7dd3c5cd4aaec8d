"""Files that lie at an upstream: sent, shown, read, deleted, and whose they are."""

from __future__ import annotations

import http.client

import pytest

from moongate.testing import Fault, MoonshotServer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def test_a_file_goes_upstream_and_back_and_its_text_into_a_chat(client, upstream, shop) -> None:
    made = shop.upload(client, b"a page of text", purpose="file-extract", filename="page.txt")
    assert made.status == 200
    file = made.json()
    assert (file["purpose"], file["bytes"], file["filename"]) == ("file-extract", 14, "page.txt")
    assert made.headers["x-moongate-provider"] == "moonshot"
    assert client.ask("GET", f"/v1/files/{file['id']}").json() == file
    assert client.ask("GET", f"/v1/files/{file['id']}/content").body == b"a page of text"
    assert client.ask("GET", "/v1/files").json()["data"] == [file]
    assert client.ask("DELETE", f"/v1/files/{file['id']}").json()["deleted"] is True
    assert client.ask("GET", f"/v1/files/{file['id']}").status == 404
    assert [request.method for request in upstream.requests if "/files" in request.path] == [
        *("POST", "GET", "GET", "DELETE")
    ]
    assert client.ledger == []  # files cost nothing


def test_nobody_is_told_the_id_of_an_upstream(client, upstream, shop) -> None:
    id_ = shop.image(client)
    (stored,) = shop.there(upstream)
    assert (stored.filename, stored.id != id_) == (f"{id_}-a.png", True)
    said = {"error": {"message": f"{stored.id} is broken", "type": "invalid_request_error"}}
    for method in ("GET", "DELETE"):
        upstream.inject(Fault("status", method=method, path=f"/files/{stored.id}", status=400, body=said))
        assert client.ask(method, f"/v1/files/{id_}").error["message"] == f"{id_} is broken"
        upstream.heal()
    for path in (f"/v1/files/{id_}", "/v1/files", f"/v1/files/{id_}/content"):
        got = client.ask("GET", path)
        assert stored.id not in f"{got.headers} {got.body!r}"
    for path in ("", "/content"):
        assert client.ask("GET", f"/v1/files/{stored.id}{path}").status == 404
    assert client.ask("DELETE", f"/v1/files/{stored.id}").status == 404
    assert len(shop.there(upstream)) == 1


def test_a_long_name_keeps_its_type(client, upstream, shop) -> None:
    made = shop.upload(client, PNG, purpose="image", filename="x" * 240 + ".png").json()
    assert len(made["filename"]) == 244
    (stored,) = shop.there(upstream)
    assert stored.filename.startswith(f"{made['id']}-xxx")
    assert stored.filename.endswith("x.png")
    assert len(stored.filename) == 255


def test_a_file_is_its_accounts_alone(client, other, upstream, shop) -> None:
    id_ = shop.image(client)
    asked = upstream.count()
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        assert other.ask(method, f"/v1/files/{id_}{path}").status == 404
    assert other.ask("GET", "/v1/files").json()["data"] == []
    assert upstream.count() == asked


def test_a_download_that_breaks_off_is_not_taken_for_a_whole_one(client, upstream, shop, caplog) -> None:
    id_ = shop.upload(client, PNG * 50_000, purpose="file-extract", filename="a.pdf").json()["id"]
    upstream.inject(Fault("truncate", path=f"/files/{shop.there(upstream)[0].id}/content", at="middle"))
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
    id_ = shop.image(client)
    upstream.files.remove(shop.there(upstream)[0].id)
    for path in ("", "/content"):
        got = client.ask("GET", f"/v1/files/{id_}{path}")
        assert (got.status, got.error["message"]) == (404, f"file {id_} not found")
    assert client.ask("DELETE", f"/v1/files/{id_}").json()["deleted"] is True
    assert client.ask("GET", "/v1/files").json()["data"] == []


def test_a_file_that_could_not_be_deleted_there_stays_here(client, upstream, shop) -> None:
    id_ = shop.image(client)
    upstream.inject(Fault("refusal", name="wrong_key", method="DELETE"))
    assert client.ask("DELETE", f"/v1/files/{id_}").status == 503
    assert client.ask("GET", "/v1/files").json()["data"][0]["id"] == id_
    upstream.heal()
    assert client.ask("DELETE", f"/v1/files/{id_}").status == 200
    assert shop.there(upstream) == []


def test_an_account_has_room_for_so_many(upstream, kit, tmp_path, shop) -> None:
    with kit.gateway(kit.settings(upstream, tmp_path, gateway="max_files = 1")) as client:
        shop.image(client)
        got = shop.upload(client, PNG, purpose="image", filename="b.png")
        assert (got.status, "max file count 1" in got.body.decode()) == (400, True)
        assert upstream.count("POST", "/files") == 1


def test_a_file_goes_to_the_first_upstream_or_to_the_one_that_is_named(two, shop) -> None:
    with two.gateway() as client:
        assert shop.upload(client, PNG, purpose="image").headers["x-moongate-provider"] == "one"
        assert shop.upload(client, PNG, to="two", purpose="image").headers["x-moongate-provider"] == "two"
        assert (two.one.count("POST", "/files"), two.two.count("POST", "/files")) == (1, 1)
        assert shop.upload(client, PNG, to="three", purpose="image").status == 400


def test_a_file_goes_to_the_first_upstream_that_knows_such_purposes(two, shop) -> None:
    with MoonshotServer(dialect="openrouter", models=["moonshotai/kimi-k2.6"]) as router:
        openrouter = f'provider = "openrouter"\nbase_url = "{router.base_url}"'
        with two.gateway((f'provider = "moonshot"\nbase_url = "{two.one.base_url}"', openrouter)) as client:
            got = shop.upload(client, b"a page", purpose="file-extract", filename="page.txt")
            assert (got.status, got.headers["x-moongate-provider"]) == (200, "two")
            assert router.count("POST") == 0


def test_a_file_is_asked_for_only_at_the_account_that_has_it(two, shop) -> None:
    with two.gateway() as client:
        id_ = shop.image(client)
    elsewhere = (two.one.base_url, two.two.base_url)
    renamed = [("upstreams.one]", "upstreams.old]"), ("one/", "old/")]
    for changes, why in (
        ([elsewhere], "that name leads to another address now"),
        ([*renamed, elsewhere], "which this gateway does not call any more"),
        ([("ONE_KEY", "SPARE_KEY")], "the key that the gateway has for it now does not show it"),
    ):
        with two.gateway(*changes) as moved:
            for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
                got = moved.ask(method, f"/v1/files/{id_}{path}")
                assert (got.status, why in got.error["message"]) == (503, True), got.body
            got = moved.chat(shop.picture(id_, model="best"))
            assert (got.status, why in got.error["message"]) == (503, True), got.body
            assert [file["id"] for file in moved.ask("GET", "/v1/files").json()["data"]] == [id_]
    assert (two.one.count("POST", "/chat/completions"), two.two.count("", "files")) == (0, 0)
    with two.gateway(*renamed) as client:  # another name for the same account
        assert client.ask("GET", f"/v1/files/{id_}").status == 200
        assert client.chat(shop.picture(id_, model="best")).status == 200


def test_a_new_key_of_the_same_account_shows_its_files(two, shop, monkeypatch) -> None:
    with two.gateway() as client:
        id_ = shop.image(client)
    two.one.accounts.default.keys.append("sk-the-next-key-of-the-same-account")
    monkeypatch.setenv("ONE_KEY", "sk-the-next-key-of-the-same-account")
    with two.gateway() as client:
        both = shop.picture(id_, shop.image(client), model="best")
        for _ in range(2):
            assert client.chat(both).status == 200
        assert two.one.count("GET", f"/files/{shop.there(two.one)[0].id}") == 1  # looked at once
        assert client.ask("DELETE", f"/v1/files/{id_}").status == 200
        assert len(shop.there(two.one)) == 1
