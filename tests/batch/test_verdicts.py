"""What the end of a try means: the line ends, goes again, or the job rests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moongate import errors
from moongate.batch.records import Line
from moongate.batch.verdicts import Again, End, Policy, Rest, Verdict, judge
from moongate.facts.providers import built_in
from moongate.wire.replies import Reply

ROW = built_in()["moonshot"]
LINE = Line(index=0, number=1, custom_id="a", body=b"{}")


def verdict(outcome: Reply | errors.MoongateError, *, tries: int = 1, policy: Policy | None = None) -> Verdict:
    return judge(outcome, LINE, ROW, model="kimi-k2.6", tries=tries, policy=policy or Policy(), jitter=0.5)


def refusal(status: int, kind: str, message: str, **headers: str) -> Reply:
    body = json.dumps({"error": {"type": kind, "message": message}}).encode()
    return Reply(status=status, headers=headers, body=body)


def lost(*, sent: bool) -> errors.UnreachableError:
    error = errors.UnreachableError("broken off")
    error.sent = sent
    return error


def test_an_answer_ends_the_line() -> None:
    body = b'{"choices":[{"message":{}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}'
    found = verdict(Reply(status=200, body=body))
    assert isinstance(found, End) and found.kind == "" and found.usage is not None and not found.doubt


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (refusal(429, "exceeded_current_quota_error", "no money"), "money"),
        (refusal(401, "invalid_authentication_error", "no"), "refused"),
        (refusal(403, "permission_denied_error", "no"), "refused"),
        (refusal(404, "resource_not_found_error", "Not found the model kimi-k2.6 or Permission denied"), "refused"),
        (
            refusal(429, "rate_limit_reached_error", "reached organization TPD rate limit, current: 1, limit: 1"),
            "limit",
        ),
    ],
)
def test_what_every_line_would_meet_lets_the_job_rest(outcome: Reply, why: str) -> None:
    found = verdict(outcome)
    assert isinstance(found, Rest) and found.why == why


def test_a_refusal_of_one_line_ends_that_line_with_the_providers_words() -> None:
    found = verdict(refusal(400, "invalid_request_error", "invalid temperature"))
    assert isinstance(found, End) and (found.kind, found.status, found.doubt) == ("bad_request", 400, False)
    assert json.loads(found.line)["response"]["body"]["error"]["message"] == "invalid temperature"


def test_throttling_sends_the_line_again_as_late_as_it_was_told_and_in_no_doubt() -> None:
    found = verdict(refusal(429, "rate_limit_reached_error", "max RPM: 3", **{"retry-after": "9"}))
    assert isinstance(found, Again) and found.wait_s >= 9 and not found.doubt and found.throttled is not None
    last = verdict(refusal(429, "rate_limit_reached_error", "max RPM: 3"), tries=Policy().throttled_tries)
    assert isinstance(last, End) and last.kind == "rate_limited" and not last.doubt


@pytest.mark.parametrize(
    "outcome",
    [
        lost(sent=True),
        errors.TimedOutError("late"),
        refusal(500, "server_error", "oops"),
        Reply(status=200, body=b"<html>"),
        Reply(status=504, body=b"<html>"),
    ],
)
def test_what_may_have_been_charged_is_sent_again_by_rule_only_and_in_doubt(outcome: Any) -> None:
    again = verdict(outcome)
    assert isinstance(again, Again) and again.doubt and again.throttled is None
    last = verdict(outcome, tries=Policy().tries)
    assert isinstance(last, End) and last.doubt and last.kind
    never = verdict(outcome, policy=Policy(uncertain="fail"))
    assert isinstance(never, End) and never.doubt


def test_what_was_never_sent_goes_again_and_in_the_end_lets_the_job_rest() -> None:
    again = verdict(lost(sent=False), policy=Policy(uncertain="fail"))
    assert isinstance(again, Again) and not again.doubt
    last = verdict(lost(sent=False), tries=Policy().tries)
    assert isinstance(last, Rest) and last.why == "unavailable"


def test_waits_grow_within_a_bound_and_are_spread() -> None:
    policy = Policy(first_wait_s=1.0, longest_wait_s=10.0)
    assert [policy.wait_s(tries, 0.5) for tries in (1, 2, 3, 4, 5, 500)] == [1, 2, 4, 8, 10, 10]
    assert policy.wait_s(1, 0.0) == 0.5 and policy.wait_s(1, 1.0) == 1.5
