"""What files and batches there are, in a real database."""

from __future__ import annotations

import os
from contextlib import closing

import pytest
from msgspec.structs import replace

from moongate.errors import StorageError
from moongate.gateway.options import Options
from moongate.gateway.tenants.archive import Archive, FullError
from moongate.gateway.tenants.places import Places
from moongate.gateway.tenants.records import Batch, File
from moongate.store.migrate import migrations
from moongate.store.sqlite import open_database


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path)


@pytest.fixture
def archive(places):
    archive = Archive(places)
    yield archive
    archive.close()


def added(archive, places, id_="file-1", *, account=1, content=b"{}\n"):
    places.part(id_).write_bytes(content)
    file = File(id=id_, account_id=account, filename="f", purpose="batch", bytes=len(content), created_at=1)
    archive.add_file(file)
    return file


def batch(id_="batch-1", *, account=1):
    return Batch(
        id=id_,
        account_id=account,
        key_id=1,
        input_file_id="file-1",
        completion_window="24h",
        created_at=1,
        expires_at=2,
    )


def test_a_batch_keeps_its_input_when_the_file_is_deleted(archive, places) -> None:
    added(archive, places)
    archive.add_batch(batch())
    assert archive.drop_file(1, "file-1")
    assert not archive.drop_file(1, "file-1")
    assert (places.job("batch-1") / "input.jsonl").read_bytes() == b"{}\n"
    with pytest.raises(FileNotFoundError):
        archive.add_batch(batch("batch-2"))
    assert not places.job("batch-2").exists()
    assert archive.unfinished() == (batch(),)


def test_an_account_has_so_much_room_and_no_more(places) -> None:
    archive = Archive(places, options=lambda: Options(max_files=2, max_files_bytes=10))
    added(archive, places, "file-1")
    with pytest.raises(FullError, match="exceeded 10 bytes"):
        added(archive, places, "file-2", content=b"x" * 9)
    added(archive, places, "file-2")
    with pytest.raises(FullError, match="max file count 2,"):
        added(archive, places, "file-3")
    added(archive, places, "file-4", account=2)
    archive.close()


def test_what_a_kill_left_behind_is_swept_and_what_is_under_way_is_not(archive, places) -> None:
    added(archive, places)
    archive.add_batch(batch())
    archive.add_batch(batch("batch-2"))
    archive.change("batch-1", lambda it: it.entered("completed", 5.0))
    old, new = places.part("file-old"), places.part("file-new")
    for part in (old, new):
        part.write_bytes(b"x")
    os.utime(old, (1, 1))
    Archive(places).close()
    assert not old.exists()
    assert new.exists()
    assert not places.job("batch-1").exists()
    assert places.job("batch-2").exists()


def test_a_batch_that_is_being_cancelled_does_not_go_back_to_work(archive, places) -> None:
    added(archive, places)
    archive.add_batch(batch())
    assert archive.cancel(2, "batch-1") == (None, False)
    shown, could = archive.cancel(1, "batch-1")
    assert could
    assert archive.cancel(1, "batch-1") == (shown, False)
    assert archive.change("batch-1", lambda it: it.entered("in_progress", 7.0)).status == "cancelling"
    ended = archive.change("batch-1", lambda it: it.entered("cancelled", 9.0))
    assert ended.document["cancelled_at"] == 9
    assert archive.change("batch-1", lambda it: it.entered("in_progress", 11.0)) == ended
    assert archive.unfinished() == ()


def test_an_upload_is_noted_until_it_is_a_file(archive) -> None:
    begun = File(
        id="file-1",
        account_id=1,
        filename="f",
        purpose="image",
        bytes=3,
        created_at=1,
        upstream="one",
        base_url="http://127.0.0.1:1/v1",
        key="0badc0de",
    )
    archive.begin_upload(begun)
    assert archive.file(1, "file-1") is None
    assert archive.left_behind(for_s=3600) == ()
    assert archive.left_behind(for_s=-1) == (begun,)
    ended = replace(begun, upstream_id="theirs")
    archive.end_upload(ended)
    assert archive.named(1, ["file-1", "theirs"]) == {"file-1": ended}
    assert archive.named(2, ["file-1"]) == {}
    assert archive.left_behind(for_s=-1) == ()
    with pytest.raises(StorageError, match="given up"):
        archive.end_upload(ended)
    assert not archive.drop_upload("file-1")


def test_a_file_that_was_noted_without_its_address_is_nowhere(places) -> None:
    with closing(open_database(places.database, steps=migrations("tenants")[:2])) as connection:
        connection.execute(
            "INSERT INTO files (id, account_id, filename, purpose, bytes, created_at, upstream) "
            "VALUES ('theirs', 1, 'f', 'image', 3, 1, 'one')"
        )
    archive = Archive(places)
    found = archive.file(1, "theirs")
    assert found is not None
    assert (found.upstream, found.base_url, found.upstream_id) == ("one", None, None)
    assert archive.named(1, ["theirs"]) == {}
    archive.close()
