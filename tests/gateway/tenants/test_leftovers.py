"""Uploads whose end never came: noted, looked for at their upstream, deleted there, and said."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from moongate.gateway.clerk import Clerk
from moongate.gateway.tenants.archive import Archive
from moongate.gateway.tenants.away import Away
from moongate.gateway.tenants.leftovers import GIVE_UP_S, OVER_S, Leftovers
from moongate.gateway.tenants.places import Places
from moongate.gateway.upstreams import Upstreams
from moongate.testing import Fault

FAULT = Fault("reset", path="/files", method="POST", accepted=True)


@pytest.fixture
def left(client, upstream, shop):
    """An upload that arrived, and whose answer did not: the gateway cannot tell it from one that a kill cut off."""
    upstream.inject(FAULT)
    assert shop.upload(client, b"a page", purpose="file-extract", filename="page.txt").status == 503
    upstream.heal()
    return client


def rows(client: Any) -> int:
    with closing(sqlite3.connect(client.running.desk.path.parent / "tenants" / "tenants.sqlite3")) as connection:
        return int(connection.execute("SELECT count(*) FROM uploads").fetchone()[0])


def age(client: Any, seconds: float) -> None:
    """Have every upload that was noted begin so much earlier."""
    with closing(sqlite3.connect(client.running.desk.path.parent / "tenants" / "tenants.sqlite3")) as connection:
        connection.execute(
            "UPDATE uploads SET begun_at = begun_at - ?1, "
            "record = json_set(record, '$.created_at', (record ->> 'created_at') - ?1)",
            (int(seconds),),
        )
        connection.commit()


def look(client: Any, times: int = 1) -> None:
    """Look for what was left behind, as a worker does every minute."""
    worker = client.running._worker

    async def looked() -> None:
        upstreams = Upstreams(worker.place.config.sources)
        clerk = Clerk(Archive(Places(worker.place.config.settings.data_dir)))
        try:
            leftovers = Leftovers(clerk, Away(upstreams))
            for _ in range(times):
                await leftovers.look()
        finally:
            clerk.close()
            await upstreams.close()

    asyncio.run(looked())


def test_what_arrived_without_its_note_is_deleted_there(left, upstream, shop, caplog) -> None:
    (orphan,) = shop.there(upstream)
    mine = shop.image(left)
    shop_own = upstream.files.add(
        upstream.accounts.default, filename="page.txt", purpose="file-extract", content=b"a page", at=0
    )  # uploaded beside the gateway
    look(left)
    assert len(shop.there(upstream)) == 3  # it is too early to know
    age(left, OVER_S + 1)
    look(left)
    assert orphan not in shop.there(upstream)
    assert shop_own in shop.there(upstream)
    assert left.ask("GET", f"/v1/files/{mine}").status == 200
    assert rows(left) == 0
    assert f"{orphan.filename.partition('page')[0]}*, 6 bytes, file-extract" in caplog.text
    assert "it was there, and is deleted" in caplog.text


def test_what_never_arrived_is_forgotten(left, upstream, shop, caplog) -> None:
    upstream.files.remove(shop.there(upstream)[0].id)
    age(left, OVER_S + 1)
    look(left)
    assert rows(left) == 0
    assert "it is not there" in caplog.text


def test_an_upstream_that_cannot_be_asked_is_asked_again(left, upstream, shop, caplog) -> None:
    age(left, OVER_S + 1)
    upstream.inject(Fault("refusal", name="wrong_key", method="GET", path="/files", times=None))
    look(left, times=2)
    assert rows(left) == 1
    assert caplog.text.count("is looked for again and again") == 1
    age(left, GIVE_UP_S)
    look(left)
    assert rows(left) == 0
    assert "is not looked for any more" in caplog.text
    assert len(shop.there(upstream)) == 1


def test_another_key_is_not_asked_for_what_it_cannot_name(two, shop, caplog) -> None:
    two.one.inject(FAULT)
    with two.gateway() as client:
        assert shop.upload(client, b"a page", purpose="file-extract").status == 503
        age(client, OVER_S + 1)
    with two.gateway(("ONE_KEY", "SPARE_KEY")) as client:
        look(client)
        assert rows(client) == 1
    assert "the key that the gateway has for it now does not show it" in caplog.text
    with two.gateway() as client:
        look(client)
        assert (rows(client), shop.there(two.one)) == (0, [])


def test_an_upload_counts_until_its_end_is_known(upstream, kit, tmp_path, shop) -> None:
    with kit.gateway(kit.settings(upstream, tmp_path, gateway="max_files = 1")) as client:
        upstream.inject(FAULT)
        assert shop.upload(client, b"a page", purpose="file-extract").status == 503
        upstream.heal()
        assert "max file count 1" in shop.upload(client, b"a page").error["message"]
        age(client, OVER_S + 1)
        look(client)
        assert shop.upload(client, b"a page").status == 200


@pytest.mark.parametrize("name", ["wrong_key", "file_total"])
def test_an_upload_that_was_refused_leaves_no_note(client, upstream, shop, name) -> None:
    upstream.inject(Fault("refusal", name=name, path="/files", method="POST"))
    assert shop.upload(client, b"a page", purpose="file-extract").status >= 400
    assert rows(client) == 0
