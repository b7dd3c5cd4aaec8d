"""What files and batches there are, of every account: one SQLite database, its content in files beside it.

A door. Whoever uses an archive does so alone (`clerk`); workers of one gateway have one each, over the same folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from moongate.batch.source import KEPT
from moongate.errors import StorageError
from moongate.facts.batches import CANCELLABLE
from moongate.gateway.options import Options
from moongate.gateway.tenants.places import PART, Places
from moongate.gateway.tenants.records import Batch, File, Page
from moongate.store.migrate import migrations
from moongate.store.sqlite import explained, open_database, transaction

ABANDONED_S = 3600.0  # an upload that was last written to so long ago is nobody's any more
_TOO_MANY = (
    "The number of files you have uploaded exceeded the max file count %d, please delete previous uploaded files"
)
_TOO_MUCH = "The total size of your files exceeded %d bytes, please delete previous uploaded files"
_TAKEN = """
SELECT count(*), coalesce(sum(bytes), 0) FROM (
    SELECT bytes FROM files WHERE account_id = :account_id
    UNION ALL
    SELECT bytes FROM uploads WHERE account_id = :account_id
)
"""
_record = msgspec.json.Decoder(Batch).decode
_upload = msgspec.json.Decoder(File).decode


class FullError(Exception):
    """An account has as many files, or as many bytes in them, as it may have; the message is for the caller."""


class Archive:
    """The files and batches at `places`. All methods block; all raise StorageError.

    `options` returns what is configured at the moment.
    """

    def __init__(
        self,
        places: Places,
        *,
        options: Callable[[], Options] = Options,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._places = places
        self._options = options
        self._clock = clock
        self._path = places.database
        self._connection = open_database(self._path, steps=migrations("tenants"))
        with explained(places.folder):
            for folder in (places.content, places.jobs):
                folder.mkdir(exist_ok=True, mode=0o700)
            self._sweep()

    # --- files ---

    def add_file(self, file: File) -> None:
        """Take an uploaded file in, whose content is its `part`. Raises FullError."""
        with self._writing():
            self._need_room(file)
            self._places.part(file.id).replace(self._places.path(file.id))
            self._insert(file)

    def begin_upload(self, file: File) -> None:
        """Note that a file is about to be sent to an upstream. Raises FullError."""
        with self._writing():
            self._need_room(file)
            self._connection.execute(
                "INSERT INTO uploads (id, account_id, bytes, begun_at, record) VALUES (?, ?, ?, ?, ?)",
                (file.id, file.account_id, file.bytes, int(self._clock()), _text(file)),
            )

    def end_upload(self, file: File) -> None:
        """Take a file in that has arrived at its upstream."""
        with self._writing():
            if not self._dropped_upload(file.id):
                raise StorageError(f"The upload of {file.id!r} was given up.")
            self._insert(file)

    def drop_upload(self, id_: str) -> bool:
        """Forget an upload that left nothing behind; say whether it was noted still."""
        with self._writing():
            return self._dropped_upload(id_)

    def left_behind(self, *, for_s: float) -> tuple[File, ...]:
        """Return the uploads that began so long ago that nobody waits for their end."""
        with explained(self._path):
            found = self._connection.execute(
                "SELECT record FROM uploads WHERE begun_at < ? ORDER BY begun_at", (self._clock() - for_s,)
            ).fetchall()
        return tuple(_upload(row["record"]) for row in found)

    def named(self, account_id: int, ids: Collection[str]) -> dict[str, File]:
        """Return those of an account's files at upstreams that have one of these ids."""
        found = (self.file(account_id, id_) for id_ in ids)
        return {file.id: file for file in found if file is not None and file.upstream_id is not None}

    def files(self, account_id: int, *, purpose: str | None, after: str | None, limit: int) -> Page:
        """Return an account's files, newest first."""
        with explained(self._path):
            before = self._place("files", account_id, after)
            found = self._connection.execute(
                "SELECT * FROM files WHERE account_id = ? AND seq < ? AND (? IS NULL OR purpose = ?) "
                "ORDER BY seq DESC LIMIT ?",
                (account_id, before, purpose, purpose, limit + 1),
            ).fetchall()
        return Page(rows=tuple(_file(row) for row in found[:limit]), has_more=len(found) > limit)

    def file(self, account_id: int, id_: str) -> File | None:
        """Return one file of an account."""
        with explained(self._path):
            row = self._connection.execute(
                "SELECT * FROM files WHERE account_id = ? AND id = ?", (account_id, id_)
            ).fetchone()
        return None if row is None else _file(row)

    def drop_file(self, account_id: int, id_: str) -> bool:
        """Delete a file; say whether there was one. Batches that were made of it keep their own copy."""
        with self._writing():
            gone = self._connection.execute(
                "DELETE FROM files WHERE account_id = ? AND id = ? RETURNING upstream", (account_id, id_)
            ).fetchall()
            if gone and gone[0]["upstream"] is None:
                self._places.path(id_).unlink(missing_ok=True)
        return bool(gone)

    # --- batches ---

    def add_batch(self, batch: Batch) -> None:
        """Take a batch in; its input stays what it is now. Raises FileNotFoundError when that was just deleted."""
        folder = self._places.job(batch.id)
        try:
            _copy(self._places.path(batch.input_file_id), folder / KEPT)
            with self._writing():
                self._connection.execute(
                    "INSERT INTO batches (id, account_id, ended, record) VALUES (?, ?, 0, ?)",
                    (batch.id, batch.account_id, _text(batch)),
                )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def batches(self, account_id: int, *, after: str | None, limit: int) -> Page:
        """Return an account's batches, newest first."""
        with explained(self._path):
            before = self._place("batches", account_id, after)
            found = self._connection.execute(
                "SELECT record FROM batches WHERE account_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
                (account_id, before, limit + 1),
            ).fetchall()
        return Page(rows=tuple(_record(row["record"]) for row in found[:limit]), has_more=len(found) > limit)

    def batch(self, id_: str, account_id: int | None = None) -> Batch | None:
        """Return one batch, of one account or whosever it is."""
        with explained(self._path):
            row = self._connection.execute(
                "SELECT record FROM batches WHERE id = ? AND (? IS NULL OR account_id = ?)",
                (id_, account_id, account_id),
            ).fetchone()
        return None if row is None else _record(row["record"])

    def cancel(self, account_id: int, id_: str) -> tuple[Batch | None, bool]:
        """Have a batch cancelled; return it, and whether it could be."""
        with self._writing():
            batch = self.batch(id_, account_id)
            if batch is None or batch.status not in CANCELLABLE:
                return batch, False
            return self._kept(batch.entered("cancelling", self._clock())), True

    def unfinished(self) -> tuple[Batch, ...]:
        """Return every account's batches that have not ended, oldest first."""
        with explained(self._path):
            found = self._connection.execute("SELECT record FROM batches WHERE ended = 0 ORDER BY seq").fetchall()
        return tuple(_record(row["record"]) for row in found)

    def change(self, id_: str, do: Callable[[Batch], Batch], files: Sequence[File] = ()) -> Batch:
        """Change a batch, and add the files that came of it, in one step; return it as it is now."""
        with self._writing():
            batch = self.batch(id_)
            if batch is None:
                raise StorageError(f"The batch {id_!r} is no longer in {str(self._path)!r}.")
            for file in files:
                self._insert(file)
            return self._kept(do(batch))

    def count(self, id_: str, completed: int, failed: int) -> Batch:
        """Note how many lines have their end; return the batch as it is now."""
        batch = self.batch(id_)
        if batch is not None and (batch.completed, batch.failed) == (completed, failed):
            return batch
        return self.change(id_, lambda batch: replace(batch, completed=completed, failed=failed))

    def forget_job(self, id_: str) -> None:
        """Remove the folder of a batch that has ended."""
        shutil.rmtree(self._places.job(id_), ignore_errors=True)

    def close(self) -> None:
        """Close the database; twice does no harm."""
        self._connection.close()

    def _need_room(self, file: File) -> None:
        count, taken = self._connection.execute(_TAKEN, {"account_id": file.account_id}).fetchone()
        options = self._options()
        if count >= options.max_files:
            raise FullError(_TOO_MANY % options.max_files)
        if taken + file.bytes > options.max_files_bytes:
            raise FullError(_TOO_MUCH % options.max_files_bytes)

    def _dropped_upload(self, id_: str) -> bool:
        return self._connection.execute("DELETE FROM uploads WHERE id = ?", (id_,)).rowcount > 0

    def _insert(self, file: File) -> None:
        """Add a file; the results of a batch again, if a kill came in between. An id is never another account's."""
        names = File.__struct_fields__
        kept = self._connection.execute(
            f"INSERT INTO files ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)}) "  # noqa: S608
            "ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes, created_at = excluded.created_at "
            "WHERE account_id = excluded.account_id AND upstream IS excluded.upstream",
            asdict(file),
        )
        if not kept.rowcount:
            raise StorageError(f"The file id {file.id!r} is taken.")

    def _kept(self, batch: Batch) -> Batch:
        values = (int(batch.ended), _text(batch), batch.id)
        self._connection.execute("UPDATE batches SET ended = ?, record = ? WHERE id = ?", values)
        return batch

    def _place(self, table: str, account_id: int, after: str | None) -> int:
        """Return the number before which a page begins; behind an unknown id there is nothing."""
        if after is None:
            return 2**62
        row = self._connection.execute(
            f"SELECT seq FROM {table} WHERE account_id = ? AND id = ?",  # noqa: S608 - our own names
            (account_id, after),
        ).fetchone()
        return 0 if row is None else int(row["seq"])

    def _sweep(self) -> None:
        """Remove what a kill left behind: uploads that never came to their end, folders of batches that did."""
        for part in self._places.content.glob("*" + PART):
            with contextlib.suppress(FileNotFoundError):
                if part.stat().st_mtime < self._clock() - ABANDONED_S:
                    part.unlink()
        for folder in self._places.jobs.iterdir():
            batch = self.batch(folder.name)
            if batch is not None and batch.ended:
                self.forget_job(folder.name)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with explained(self._path), transaction(self._connection):
            yield


def _copy(source: Path, target: Path) -> None:
    """Have the content of a file stay where a batch finds it, whatever becomes of the file."""
    try:
        target.parent.mkdir(mode=0o700)
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:  # a file system without links
            shutil.copyfile(source, target)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(f"{str(target)!r} cannot be written: {error.strerror or error}.") from error


def _file(row: Any) -> File:
    return File(**{name: row[name] for name in File.__struct_fields__})


def _text(record: Batch | File) -> str:
    return msgspec.json.encode(record).decode()
