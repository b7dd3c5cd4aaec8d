from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.wire.limits import BELIEVED_S, Limits, Pace, Wait, limits_in, weight


@pytest.mark.parametrize(
    ("message", "limits"),
    [
        ("Your account org-x<ak-y> request reached organization max RPM: 3, please try again after 1 seconds",
         Limits(rpm=3)),
        ("request reached user+model max RPM: 50", Limits(rpm=50)),
        ("request reached organization max concurrency: 1, please try again after 1 seconds", Limits(concurrency=1)),
        ("request reached organization TPM rate limit, current:510000, limit:500000", Limits(tpm=500_000)),
        ("request reached organization TPD rate limit,current:9, limit:1500000", Limits(tpd=1_500_000)),
        ("The engine is currently overloaded, please try again later", Limits()),
    ],
)  # fmt: skip
def test_limits_stand_in_the_text(message, limits) -> None:
    assert limits_in(message) == limits


def test_nothing_waits_before_a_limit_was_told() -> None:
    pace = Pace()
    assert [pace.enter(0.0, 10**9) for _ in range(100)] == [None] * 100


def _wait(pace: Pace, now: float, tokens: int = 0) -> tuple[float, str] | None:
    wait = pace.enter(now, tokens)
    return wait and (wait.seconds, wait.why)


def test_calls_are_spread_over_the_minute_once_it_was() -> None:
    pace = Pace()
    for second in range(3):
        pace.enter(float(second))
    pace.learn("max RPM: 3", 3.0)
    assert _wait(pace, 4.0) == (56.0, "3 calls a minute")
    assert _wait(pace, 60.0) is None
    assert _wait(pace, 60.0) == (1.0, "3 calls a minute")
    assert _wait(pace, 500.0) is None


def test_calls_at_once_wait_for_one_to_end() -> None:
    pace = Pace()
    assert pace.enter(0.0) is pace.enter(0.0) is None
    pace.learn("max concurrency: 2", 0.0)
    assert _wait(pace, 1.0) == (60.0, "2 calls at once")
    pace.leave()
    assert _wait(pace, 1.0) is None


def test_a_call_does_not_wait_for_ever_for_one_that_may_wait_for_it() -> None:
    pace = Pace()
    pace.enter(0.0)  # a stream that is being read, say, while its reader asks for something else
    pace.learn("max concurrency: 1", 0.0)
    assert pace.enter(50.0, since=10.0) == Wait(seconds=20.0, why="1 calls at once", is_for_others=True)
    assert pace.enter(70.0, since=10.0) is None


def test_tokens_wait_for_the_minutes_room() -> None:
    pace = Pace()
    pace.learn("TPM rate limit, current:1100, limit:1000", 0.0, 400)  # others used 700
    assert _wait(pace, 1.0, 300) is None
    assert _wait(pace, 2.0, 1) == (58.0, "1000 tokens a minute")
    assert _wait(pace, 60.0, 700) is None
    assert _wait(pace, 61.0, 900) == (59.0, "1000 tokens a minute")  # once the 700 are a minute old


def test_a_call_larger_than_the_minute_waits_for_an_empty_one_and_then_leaves() -> None:
    pace = Pace()
    pace.learn("TPM rate limit, current:1100, limit:1000", 0.0, 1100)
    assert _wait(pace, 1.0, 5000) is None  # nothing else was counted: what comes of it, the provider says
    assert _wait(pace, 2.0, 5000) == (59.0, "1000 tokens a minute")
    assert _wait(pace, 61.0, 5000) is None


def test_a_days_tokens_are_known_and_not_waited_for() -> None:
    pace = Pace()
    pace.learn("TPD rate limit,current:1100, limit:1000", 0.0, 400)  # 300 are left
    assert pace.limits.tpd == 1000
    assert pace.enter(1.0, 10**9) is None
    assert pace.spent(1.0, 301) == Wait(seconds=59.0, why="1000 tokens a day")
    assert pace.spent(1.0, 300) is None
    assert pace.spent(60.0, 10**9) is None  # a new day may have begun: the provider knows


def test_what_was_told_long_ago_is_not_believed_any_more() -> None:
    pace = Pace()
    pace.enter(0.0)
    pace.learn("max concurrency: 1; max RPM: 1", 0.0)
    assert pace.enter(BELIEVED_S) is not None
    assert pace.enter(BELIEVED_S + 1) is None


def test_what_was_told_last_counts() -> None:
    pace = Pace()
    for message in ("max RPM: 3", "max concurrency: 5", "max RPM: 20", "max RPM: 0"):
        pace.learn(message, 0.0)
    assert pace.limits == Limits(rpm=20, concurrency=5)


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 1500), st.booleans()), max_size=40))
def test_whoever_waits_as_told_never_meets_a_limit_again(calls: list[tuple[float, int, bool]]) -> None:
    pace, now, left, under_way = Pace(), 0.0, [], 0
    pace.learn("max RPM: 3; max concurrency: 2; TPM rate limit, current:0, limit:1000", now)
    for pause, tokens, ends in calls:
        now += pause
        pace.learn("max RPM: 3", now)  # or it would not be believed any more
        while (wait := pace.enter(now, tokens)) is not None:
            assert wait.seconds > 0
            if "at once" in wait.why:
                pace.leave()
                under_way -= 1
            else:
                now += wait.seconds
        left.append((now, min(tokens, 1000)))
        under_way += 1
        minute = [number for at, number in left if at + 60 > now]
        assert len(minute) <= 3 and sum(minute) <= 1000 and under_way <= 2
        if ends:
            pace.leave()
            under_way -= 1


@pytest.mark.parametrize(
    ("body", "model", "tokens"),
    [
        (b'{"max_tokens":100}', "kimi-k2.6", 4 + 100),
        (b'{"max_completion_tokens":7,"max_tokens":100}', "kimi-k2.6", 11 + 7),
        (b"{}", "kimi-k2.6", 32_768),
        (b"{}", "kimi-k3", 131_072),
        (b'{"max_tokens":null}', "kimi-k3", 4 + 131_072),
        (b'{"max_tokens":"9"}', "kimi-k2.6", 4 + 32_768),
        (b"no json", "kimi-k2.6", 1 + 32_768),
        (b'{"u":"data:image/png;base64,' + b"A" * 10**6 + b'"}', "kimi-k2.6", 5 + 4_096 + 32_768),
    ],
)
def test_what_a_call_weighs(body: bytes, model: str, tokens: int) -> None:
    assert weight(body, model) == tokens
