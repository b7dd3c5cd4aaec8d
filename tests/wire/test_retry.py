"""What is sent again, and what never: the generator alone."""

from __future__ import annotations

import json

import pytest

from moongate import errors as e
from moongate.facts.providers import built_in
from moongate.wire import calls
from moongate.wire.replies import Reply
from moongate.wire.retry import Policy, Send, Sleep, attempts

ROW = built_in()["moonshot"]
CHAT = calls.chat(ROW, b"{}", model="kimi-k2.6")
LIST = calls.list_body(ROW, has_key=True)
OK = Reply(status=200)


def _limit(
    message: str = "request reached organization max RPM: 3", kind: str = "rate_limit_reached_error", **h: str
) -> Reply:
    body = json.dumps({"error": {"message": message, "type": kind}}).encode()
    return Reply(status=429, headers={k.replace("_", "-"): v for k, v in h.items()}, body=body)


def _available(retryable: bool, status: int = 503, **more: object) -> Reply:
    said = {"code": "temporarily_unavailable", "retryable": retryable, **more}
    return Reply(status=status, body=json.dumps({"error": {"message": "m", "availability": said}}).encode())


def _unsent() -> e.MoongateError:
    error = e.UnreachableError("refused")
    error.sent = False
    return error


def _run(call: calls.Call[object], *outcomes: Reply | e.MoongateError, policy: Policy | None = None) -> list[object]:
    """Return the steps taken, and last the reply or the error."""
    steps = attempts(call, ROW, policy=policy or Policy(), jitter=0.5)
    waiting, seen = list(outcomes), []
    step = next(steps)
    while True:
        seen.append(step if isinstance(step, Sleep) else Send)
        try:
            step = steps.send(waiting.pop(0) if isinstance(step, Send) else None)
        except StopIteration as done:
            return [*seen, done.value]
        except e.MoongateError as error:
            return [*seen, type(error)]


def _again(wait: float) -> list[object]:
    return [Send, Sleep(seconds=wait), Send, OK]


@pytest.mark.parametrize(
    ("call", "outcome", "steps"),
    [
        (LIST, OK, [Send, OK]),
        (CHAT, Reply(status=500), [Send, e.ServerError]),
        (CHAT, Reply(status=503), [Send, e.ServerError]),
        (CHAT, Reply(status=504, body=b"<html>"), [Send, e.ServerError]),
        (CHAT, Reply(status=408), [Send, e.TimedOutError]),
        (CHAT, e.TimedOutError("late"), [Send, e.TimedOutError]),
        (CHAT, e.UnreachableError("reset"), [Send, e.UnreachableError]),
        (CHAT, _unsent(), _again(0.5)),
        (CHAT, _limit(), _again(0.5)),
        (CHAT, _limit(retry_after="2"), _again(2.0)),
        (CHAT, _limit("please try again after 3 seconds"), _again(3.0)),
        (CHAT, _limit("overloaded", "engine_overloaded_error", retry_after="1"), _again(1.0)),
        (CHAT, _limit(retry_after="31"), [Send, e.RateLimitedError]),
        (CHAT, _limit("TPD rate limit,current:9, limit:8", retry_after="1"), [Send, e.RateLimitedError]),
        (CHAT, _limit("x", "exceeded_current_quota_error", retry_after="1"), [Send, e.InsufficientBalanceError]),
        (CHAT, _available(retryable=True), _again(0.5)),
        (CHAT, _available(retryable=True, retry_after=3), _again(3.0)),
        (CHAT, _available(retryable=False), [Send, e.ServerError]),
        (CHAT, _available(retryable=False, status=429), [Send, e.RateLimitedError]),
        (CHAT, _available(retryable=True, status=429, retry_after=3), _again(3.0)),
        (LIST, _available(retryable=False), [Send, e.ServerError]),
        (LIST, Reply(status=500), _again(0.5)),
        (LIST, Reply(status=503, headers={"retry-after": "7"}), _again(7.0)),
        (LIST, Reply(status=503, headers={"retry-after": "31"}), [Send, e.ServerError]),
        (LIST, Reply(status=408), _again(0.5)),
        (LIST, e.UnreachableError("reset"), _again(0.5)),
        (LIST, e.TimedOutError("late"), [Send, e.TimedOutError]),
        (LIST, e.TooLargeError("huge"), [Send, e.TooLargeError]),
        (LIST, e.BaseUrlError("redirect"), [Send, e.BaseUrlError]),
        (LIST, Reply(status=401), [Send, e.AuthenticationError]),
        (LIST, Reply(status=307, headers={"location": "https://x.example"}), [Send, e.BaseUrlError]),
    ],
)
def test_once_or_again(call: calls.Call[object], outcome: Reply | e.MoongateError, steps: list[object]) -> None:
    assert _run(call, outcome, OK) == steps


def test_tries_are_bounded_and_waits_grow() -> None:
    failed = Reply(status=500)
    steps = _run(LIST, failed, failed, failed, OK)
    assert steps == [Send, Sleep(seconds=0.5), Send, Sleep(seconds=1.0), Send, e.ServerError]
    assert _run(LIST, failed, policy=Policy(tries=1)) == [Send, e.ServerError]
