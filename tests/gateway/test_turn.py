"""What arrives in one turn of the loop shares one write to the journal, and one call's fault is no other's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from moongate.errors import StorageError
from moongate.gateway.turn import FEW, Turn

BUSY: Any = set(range(FEW + 1))


class Books:
    """The till as far as turns need it."""

    def __init__(self) -> None:
        self.writes: list[list[bytes]] = []
        self.failure: StorageError | None = None

    def write(self, lines: list[bytes]) -> StorageError | None:
        self.writes.append(list(lines))
        return self.failure


class Call:
    """A visit and errand that notes what happens to it."""

    def __init__(self, name: bytes, books: Books, *, breaks: str = "") -> None:
        self.name = name
        self.books = books
        self.breaks = breaks
        self.seen: list[Any] = []

    def go(self, body: bytes) -> None:
        self._note("go", body)

    def settle_whole(self, body: bytes) -> bytes | None:
        self._note("settle", body)
        return self.name if body else None

    def conclude(self, failure: StorageError | None) -> None:
        assert self.books.writes
        self._note("conclude", failure)

    def broke(self) -> None:
        self.seen.append("broke")

    def _note(self, what: str, about: object) -> None:
        self.seen.append((what, about))
        if what == self.breaks:
            raise RuntimeError(what)


async def turned(turn: Turn) -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_one_write_for_all_before_any_answer_leaves() -> None:
    async def run() -> None:
        books = Books()
        turn = Turn(books, BUSY)  # type: ignore[arg-type]
        one, other, failed, new = (Call(name, books) for name in (b"1", b"2", b"3", b"4"))
        turn.ends(one, b"x")  # type: ignore[arg-type]
        turn.begins(new, b"body")  # type: ignore[arg-type]
        turn.ends(failed, b"")  # type: ignore[arg-type]
        turn.ends(other, b"y")  # type: ignore[arg-type]
        assert not books.writes
        await turned(turn)
        assert books.writes == [[b"1", b"2"]]
        assert one.seen == [("settle", b"x"), ("conclude", None)]
        assert failed.seen == [("settle", b"")]
        assert new.seen == [("go", b"body")]
        turn.work()
        assert len(books.writes) == 1
        turn.ends(one, b"x")  # type: ignore[arg-type]
        turn.work()  # at once; what was planned finds nothing more to do
        await turned(turn)
        assert len(books.writes) == 2

    asyncio.run(run())


def test_a_lone_call_does_not_wait() -> None:
    books = Books()
    turn = Turn(books, set())  # type: ignore[arg-type]
    one, other = Call(b"1", books), Call(b"2", books)
    turn.begins(one, b"x")  # type: ignore[arg-type]
    assert one.seen == [("go", b"x")]
    turn.ends(other, b"y")  # type: ignore[arg-type]
    assert books.writes == [[b"2"]]


def test_what_cannot_be_written_is_told_to_every_call_of_the_turn() -> None:
    async def run() -> None:
        books = Books()
        books.failure = StorageError("full")
        turn = Turn(books, BUSY)  # type: ignore[arg-type]
        calls = [Call(b"1", books), Call(b"2", books)]
        for call in calls:
            turn.ends(call, b"x")  # type: ignore[arg-type]
        await turned(turn)
        assert [call.seen[-1] for call in calls] == [("conclude", books.failure)] * 2

    asyncio.run(run())


@pytest.mark.parametrize("where", ["settle", "conclude", "go"])
def test_a_fault_in_one_call_harms_no_other(where: str) -> None:
    async def run() -> None:
        books = Books()
        turn = Turn(books, BUSY)  # type: ignore[arg-type]
        bad, good = Call(b"1", books, breaks=where), Call(b"2", books)
        for call in (bad, good):
            if where == "go":
                turn.begins(call, b"x")  # type: ignore[arg-type]
            else:
                turn.ends(call, b"x")  # type: ignore[arg-type]
        await turned(turn)
        assert bad.seen[-1] == "broke"
        assert "broke" not in good.seen
        assert good.seen[-1][0] == ("go" if where == "go" else "conclude")

    asyncio.run(run())
