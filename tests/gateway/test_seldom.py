"""A log that says the same thing once in a while."""

from __future__ import annotations

import logging

import pytest

from moongate.gateway.seldom import REMEMBERED, Seldom, seldom


def test_the_same_line_is_told_seldom_and_with_the_number_of_those_that_were_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    log = logging.getLogger("moongate.test.seldom")
    log.addFilter(Seldom(clock=lambda: now[0]))
    for _ in range(3):
        log.warning("no room for %s", "a call")
    log.warning("no room for %s", "another call")
    now[0] = 9.9
    log.warning("no room for %s", "a call")
    now[0] = 10.0
    log.warning("no room for %s", "a call")
    log.warning("no room for %s", "a call")
    now[0] = 20.0
    log.warning("no room for %s", "a call")
    assert [record.getMessage() for record in caplog.records] == [
        "no room for a call",
        "no room for another call",
        "no room for a call (and 3 times more since it was said last)",
        "no room for a call (and 1 times more since it was said last)",
    ]


def test_what_it_remembers_is_bounded() -> None:
    filtered = Seldom()
    record = logging.LogRecord("x", logging.WARNING, "", 0, "line %d", None, None)
    for number in range(3 * REMEMBERED):
        record.args = (number,)
        assert filtered.filter(record)
    assert len(filtered._said) <= REMEMBERED


def test_a_log_is_as_it_was_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("moongate.test.seldom.after")
    with seldom(log):
        log.warning("once")
        log.warning("once")
    log.warning("once")
    assert [record.getMessage() for record in caplog.records] == ["once", "once"]
