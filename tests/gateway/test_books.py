"""One worker's books: journals into the ledger exactly once, whoever reads them, and nobody's slices left behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from moongate.errors import StorageError
from moongate.facts.money import Money
from moongate.gateway import crew
from moongate.gateway.books import Books
from moongate.gateway.desk import Desk
from moongate.gateway.journal import Line, framed
from moongate.gateway.leases import Ask
from moongate.gateway.pots import PotName

BALANCE = PotName("balance", 1)


def line(number: int, cost: int | None = 10) -> bytes:
    made = Line(
        1000.0 + number, 1, 1, f"r{number}", "m" if cost else "", "asked", "p", 3, 2, 1, 1, cost, "USD", "b", 4,
        "ok" if cost else "server", 200, 0, 3,
    )  # fmt: skip
    return framed(msgspec.json.encode(made))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path / "gateway.sqlite3") as desk:
        desk.create_account("ada", Money(nano=1000, currency="USD"))
        desk.create_key("ada")
        yield desk


def journals(desk: Desk) -> list[str]:
    return sorted(file.name for file in crew.folder_of(desk.path).iterdir())


def test_each_line_counts_once_in_ledger_usage_balance_and_slice(desk: Desk) -> None:
    with contextlib.closing(Books(desk.path)) as books:
        journal = books.next_journal()
        assert books.round({}, [Ask(pot=BALANCE, need=100, ask=100)]).grants[0].amount == 100
        for number in range(200):
            journal.append(line(number, 1 if number % 2 else None))
            if number % 7 == 0:
                books.round({}, [])
        books.round({BALANCE: 0}, [])
        books.round({BALANCE: 0}, [])
        assert [entry.request_id for entry in desk.entries()] == [f"r{number}" for number in range(200)]
        assert desk.account("ada").balance.nano == 900
        assert books.round({}, [Ask(pot=BALANCE, need=900, ask=900)]).grants[0].amount == 900  # all 100 are used
        answered, failed = sorted(desk.used(("model",)), key=lambda used: used.counts["failed"])
        assert (answered.group, answered.counts["calls"], answered.cost_nano) == ({"model": "m"}, 100, 100)
        assert (failed.group, failed.counts["failed"], failed.counts["unpriced"]) == ({"model": "asked"}, 100, 100)


def test_a_journal_that_was_grown_out_of_is_booked_and_deleted(desk: Desk) -> None:
    with contextlib.closing(Books(desk.path)) as books:
        books.next_journal().append(line(1))
        newer = books.next_journal()
        newer.append(line(2))
        books.round({}, [])
        books.round({}, [])
        assert [entry.request_id for entry in desk.entries()] == ["r1", "r2"]
        assert journals(desk) == ["00000001-000002.log", "00000001.lock"]
        newer.append(line(3))
    assert [entry.request_id for entry in desk.entries()] == ["r1", "r2", "r3"]
    assert journals(desk) == []


def died(books: Books) -> None:
    """Leave the books as a killed process does: its lock is gone, everything else stays."""
    os.close(books._lock)
    books._connection.close()


def test_what_a_dead_worker_left_is_found_by_the_next_and_by_any_command(desk: Desk) -> None:
    first = Books(desk.path)
    first.round({}, [Ask(pot=BALANCE, need=1000, ask=1000)])
    first.next_journal().append(line(1) + line(2)[:-5])
    died(first)
    with Desk(desk.path) as command:
        assert [entry.request_id for entry in command.entries()] == ["r1"]
    assert journals(desk) == []
    with contextlib.closing(Books(desk.path)) as second:
        assert second.worker_id == 2  # an id is never used again
        assert second.round({}, [Ask(pot=BALANCE, need=990, ask=990)]).grants[0].amount == 990


def test_a_running_worker_finds_a_dead_one_within_a_second(desk: Desk) -> None:
    now = [1000.0]
    with contextlib.closing(Books(desk.path, clock=lambda: now[0])) as books:
        other = Books(desk.path)
        other.round({}, [Ask(pot=BALANCE, need=1000, ask=1000)])
        books.round({}, [])
        died(other)
        now[0] += 1.0
        assert books.round({}, [Ask(pot=BALANCE, need=1000, ask=1000)]).grants[0].amount == 1000


def test_one_that_leaves_books_what_a_dead_one_left(desk: Desk) -> None:
    with contextlib.closing(Books(desk.path)) as books:
        books.round({}, [])  # it has just looked for dead ones
        other = Books(desk.path)
        other.next_journal().append(line(1))
        died(other)
    assert [entry.request_id for entry in desk.entries()] == ["r1"]
    assert journals(desk) == []


def test_one_that_is_just_leaving_is_not_called_dead(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with contextlib.closing(Books(desk.path)) as books:
        leaving = Books(desk.path)
        for file in crew.folder_of(desk.path).glob("00000002*"):  # as far as `leave` had come
            file.unlink()
        books._connection.execute("UPDATE workers SET pid = 0 WHERE id = 2")
        crew.reap(books._connection, crew.folder_of(desk.path), but=1)
        died(leaving)
    assert not caplog.records


def test_one_that_is_alive_is_left_alone(desk: Desk) -> None:
    with contextlib.closing(Books(desk.path)) as one:
        one.next_journal().append(line(1))
        with Desk(desk.path) as command:
            assert command.entries() == ()
        assert journals(desk) == ["00000001-000001.log", "00000001.lock"]


def test_a_reaper_that_was_interrupted_is_finished_by_the_next(desk: Desk) -> None:
    books = Books(desk.path)
    books.next_journal().append(line(1))
    books.round({}, [])
    died(books)
    for file in crew.folder_of(desk.path).iterdir():
        file.unlink()
    with contextlib.closing(Books(desk.path)):
        assert [entry.request_id for entry in desk.entries()] == ["r1"]
        assert journals(desk) == ["00000002.lock"]


def test_a_damaged_line_is_told_of_and_costs_no_other(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with contextlib.closing(Books(desk.path)) as books:
        books.next_journal().append(line(1) + b"damaged\n" + line(2))
        books.round({}, [])
    assert [entry.request_id for entry in desk.entries()] == ["r1", "r2"]
    assert "1 lines of the journal" in caplog.text


def test_a_journal_of_an_unknown_worker_is_left_alone_and_told_of(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    folder = crew.folder_of(desk.path)
    folder.mkdir()
    stray = folder / "00000009-000001.log"
    stray.write_bytes(line(1))
    with contextlib.closing(Books(desk.path)):
        assert desk.entries() == ()
    assert stray.exists()
    assert "00000009-000001.log" in caplog.text


def test_a_folder_that_cannot_be_made_is_explained(desk: Desk) -> None:
    crew.folder_of(desk.path).write_text("a file")
    with pytest.raises(StorageError, match="gateway"):
        Books(desk.path)
