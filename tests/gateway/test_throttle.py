"""Limits of an account: configured and shared among workers, told by a 429, forgotten in time."""

from __future__ import annotations

import pytest

from moongate.gateway import board as boards
from moongate.gateway.board import Board, Notes, Use
from moongate.gateway.throttle import Throttle
from moongate.wire.limits import BELIEVED_S, Limits

RPM = "Your account reached max RPM: 2, please try again after 1 seconds"


def test_without_limits_nothing_waits() -> None:
    throttle = Throttle()
    for _ in range(1000):
        throttle.begins(0)
    assert throttle.wait(0) == 0.0
    assert throttle.in_flight == 1000


def test_requests_a_minute() -> None:
    throttle = Throttle(Limits(rpm=2))
    for now in (0.0, 10.0):
        assert throttle.wait(now) == 0.0
        throttle.begins(now)
    assert throttle.wait(20) == 40.0
    assert throttle.wait(60) == 0.0


def test_calls_at_once() -> None:
    throttle = Throttle(Limits(concurrency=1))
    throttle.begins(0)
    assert throttle.wait(0) > 0
    throttle.ended(1, 10)
    assert throttle.wait(1) == 0.0


def test_tokens_count_once_they_are_known() -> None:
    throttle = Throttle(Limits(tpm=100))
    throttle.begins(0)
    assert throttle.wait(0) == 0.0
    throttle.ended(5, 100)
    assert throttle.wait(10) == 55.0
    assert throttle.wait(65) == 0.0


def crew(limits: Limits | None = None, count: int = 2) -> list[Throttle]:
    board = Board(count)
    return [Throttle(limits, board.notes(number, "main")) for number in range(count)]


def test_one_worker_may_have_all_that_the_others_do_not_use() -> None:
    one, other = crew(Limits(concurrency=3))
    for _ in range(3):
        assert one.wait(0) == 0.0
        one.begins(0)
    assert one.wait(0) > 0
    assert other.wait(0) > 0
    one.ended(1, 5)
    assert other.wait(1) == 0.0


def test_what_others_sent_and_used_in_the_last_minute_counts() -> None:
    one, other = crew(Limits(rpm=2, tpm=100))
    one.begins(100.0)
    other.begins(110.0)
    assert one.wait(120) == 40.0
    assert other.wait(120) == 50.0
    assert one.wait(171) == 0.0
    one.ended(180, 100)
    assert other.wait(190) == 1.0
    assert other.wait(241) == 0.0


def test_of_two_that_take_the_last_place_at_once_nobody_keeps_it() -> None:
    one, other = crew(Limits(concurrency=1, rpm=10))
    one.begins(0)
    other.begins(0)
    assert one.took_too_much(0)
    assert not other.took_too_much(0)
    assert (one.in_flight, other.in_flight) == (0, 1)
    other.ended(0, 0)
    assert one.wait(0) == 0.0


class Hesitating(Notes):
    """Notes on another worker that gives back what it took, after a while."""

    looked = 0

    def others_use(self, now: float) -> Use:
        self.looked += 1
        return Use(in_flight=int(self.looked < 5))


def test_the_first_in_the_row_looks_until_the_other_one_has_given_the_place_back() -> None:
    board = Board(2)
    board.notes(0, "main")
    first, last = (
        Hesitating(board, number, 1, memoryview(bytearray(boards.WIDTH * 8)).cast("q"), []) for number in (0, 1)
    )
    keeps, yields = Throttle(Limits(concurrency=1), first), Throttle(Limits(concurrency=1), last)
    for throttle in (keeps, yields):
        throttle.begins(0)
    assert not keeps.took_too_much(0)
    assert yields.took_too_much(0)
    assert (first.looked, last.looked) == (5, 1)


def test_limits_of_hundreds_of_upstreams_are_shared_and_of_too_many_said(caplog: pytest.LogCaptureFixture) -> None:
    board = Board(2)
    many = [[board.notes(worker, f"up{number}") for number in range(boards.SLOTS)] for worker in (0, 1)]
    one, other = (Throttle(Limits(concurrency=1), notes[-1]) for notes in many)
    one.begins(0)
    assert other.wait(0) > 0
    board.begins(0)
    assert other.wait(0) == 0.0
    assert board.notes(0, "up0") is not None
    assert caplog.text == ""
    assert board.notes(0, "one more") is None
    assert "the limits of one more hold for each worker by itself" in caplog.text


def test_other_limits_hold_at_once_and_what_is_under_way_counts_on() -> None:
    throttle = Throttle()
    for _ in range(3):
        throttle.begins(0)
    throttle.configure(Limits(concurrency=3, rpm=10), same_key=True)
    assert throttle.wait(1) > 0
    throttle.ended(1, 0)
    assert throttle.wait(1) == 0.0
    throttle.told(RPM, 5.0, 1.0)
    throttle.configure(Limits(concurrency=5), same_key=True)
    assert throttle.limits == Limits(rpm=2, concurrency=5)
    assert throttle.wait(1) == 5.0
    throttle.configure(Limits(), same_key=False)  # another key: what was told to the old one is forgotten
    assert (throttle.wait(1), throttle.is_free, throttle.in_flight) == (0.0, True, 2)


def test_what_a_429_told_one_worker_the_others_know() -> None:
    one, other = crew()
    one.told(RPM, 3.0, 10.0)
    assert other.is_free
    other.look(11.0)
    assert not other.is_free
    assert other.limits.rpm == 2
    assert other.wait(11) == 2.0
    assert other.wait(10.0 + BELIEVED_S + 1) == 0.0


def test_the_heir_of_a_dead_worker_has_its_places_and_what_it_sent() -> None:
    board, limits = Board(2), Limits(concurrency=1, rpm=2)
    dead, other = (Throttle(limits, board.notes(number, "main")) for number in range(2))
    dead.begins(100.0)
    assert other.wait(100) > 0
    board.begins(0)
    heir = Throttle(limits, board.notes(0, "main"))
    assert other.wait(100) == heir.wait(100) == 0.0
    heir.begins(101.0)
    heir.ended(102.0, 0)
    assert min(other.wait(103), heir.wait(103)) > 0  # two requests left within the minute


def test_what_a_429_told_holds_and_is_forgotten() -> None:
    throttle = Throttle()
    throttle.told(RPM, None, 0.0)
    for _ in range(2):
        assert throttle.wait(0) == 0.0
        throttle.begins(0)
    assert throttle.wait(1) == 59.0
    assert throttle.wait(BELIEVED_S + 1) == 0.0
    assert throttle.limits == Limits()


def test_the_stricter_of_told_and_configured_counts() -> None:
    throttle = Throttle(Limits(rpm=1, concurrency=5))
    throttle.told(RPM + " max organization concurrency: 3", None, 0.0)
    assert throttle.limits == Limits(rpm=1, concurrency=3)


def test_a_wait_that_was_asked_for_is_kept_within_a_bound() -> None:
    throttle = Throttle()
    throttle.told("slow down", 3.0, 10.0)
    assert throttle.wait(11) == 2.0
    throttle.told("slow down", 10_000.0, 10.0)
    assert throttle.wait(10) == 60.0
