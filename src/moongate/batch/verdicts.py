"""What the end of one try means for its line, and for the whole job. Pure.

A line ends (`End`), is sent again (`Again`), or the job rests (`Rest`) because every further line would meet the same
end: no money, a wrong key, nothing to be reached. What may have been charged is sent again only as the rule says, and
counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from moongate import errors
from moongate.batch.answers import failed_line, result_line, usage_in
from moongate.batch.records import Line
from moongate.batch.state import Why
from moongate.facts.chat import Usage
from moongate.facts.providers import Provider
from moongate.wire.replies import Reply, error_from

Rule = Literal["resend", "fail"]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How often a line is tried, and how long is waited in between, in seconds.

    `uncertain` says what becomes of a try that may have been charged without its answer: sent again, or failed;
    `refused` what becomes of a job when its account is: it rests, or each of its lines fails.
    """

    tries: int = 4  # of what may have been charged, and of what could not be sent
    throttled_tries: int = 60  # of what was refused for being too much: it costs nothing, and passes
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    uncertain: Rule = "resend"
    refused: Literal["rest", "fail"] = "rest"

    def wait_s(self, tries: int, jitter: float) -> float:
        """Return the wait after so many tries; `jitter` in 0…1 spreads those of many lines."""
        return float(min(self.first_wait_s * 2 ** min(tries - 1, 20), self.longest_wait_s) * (0.5 + jitter))


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The line ended; `line` is its result line. `doubt`: this try may have been charged without an answer."""

    line: bytes
    kind: str = ""
    status: int = 0
    usage: Usage | None = None
    doubt: bool = False


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """The line is to be sent again after `wait_s` seconds."""

    wait_s: float
    error: errors.MoongateError
    doubt: bool = False

    @property
    def throttled(self) -> errors.RateLimitedError | None:
        """The refusal, where it was one for being too much."""
        return self.error if isinstance(self.error, errors.RateLimitedError) else None


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """The job rests, and the line waits for its next life."""

    why: Why
    error: errors.MoongateError


Verdict = End | Again | Rest

_RESTING: dict[type[errors.MoongateError], Why] = {
    errors.InsufficientBalanceError: "money",
    errors.AuthenticationError: "refused",
    errors.WrongRegionError: "refused",
    errors.ModelNotPermittedError: "refused",
    errors.PermissionDeniedError: "refused",
    errors.UnknownRouteError: "refused",
    errors.BaseUrlError: "refused",
}


def judge(
    outcome: Reply | errors.MoongateError,
    line: Line,
    row: Provider,
    *,
    model: str,
    tries: int,
    policy: Policy,
    jitter: float,
    secrets: tuple[str, ...] = (),
) -> Verdict:
    """Say what follows from the end of the try number `tries`, from 1."""
    if not isinstance(outcome, Reply):
        return _failed(outcome, None, line, tries, policy, jitter)
    if not outcome.ok:
        refused = error_from(outcome, row, model=model, secrets=secrets)
        return _failed(refused, outcome, line, tries, policy, jitter)
    try:
        usage = usage_in(outcome.body, row, model=model)
    except errors.MoongateError as error:
        return _failed(error, outcome, line, tries, policy, jitter)
    return End(line=result_line(line.custom_id, outcome, is_json=True), status=outcome.status, usage=usage)


def _failed(
    error: errors.MoongateError, reply: Reply | None, line: Line, tries: int, policy: Policy, jitter: float
) -> Verdict:
    why = _RESTING.get(type(error))
    if why is not None and policy.refused == "rest":
        return Rest(why=why, error=error)
    if isinstance(error, errors.RateLimitedError):
        return _throttled(error, reply, line, tries, policy, jitter)
    if isinstance(error, errors.UnavailableError):
        return _lost(error, reply, line, tries, policy, jitter)
    return _ended(error, reply, line, doubt=False)


def _throttled(
    error: errors.RateLimitedError, reply: Reply | None, line: Line, tries: int, policy: Policy, jitter: float
) -> Verdict:
    if error.scope == "tpd":  # a day's tokens are used up: no wait of ours helps
        return Rest(why="limit", error=error)
    if tries >= policy.throttled_tries:
        return _ended(error, reply, line, doubt=False)
    wait_s = policy.wait_s(min(tries, 6), jitter)
    if error.retry_after_s is not None:
        wait_s = min(error.retry_after_s, policy.longest_wait_s) + wait_s / 4
    return Again(wait_s=wait_s, error=error)


def _lost(
    error: errors.MoongateError, reply: Reply | None, line: Line, tries: int, policy: Policy, jitter: float
) -> Verdict:
    """Judge a try without a usable answer: charged perhaps, unless nothing was sent."""
    doubt = error.sent
    if tries >= policy.tries:
        if not doubt:
            return Rest(why="unavailable", error=error)
        return _ended(error, reply, line, doubt=True)
    if doubt and policy.uncertain == "fail":
        return _ended(error, reply, line, doubt=True)
    return Again(wait_s=policy.wait_s(tries, jitter), error=error, doubt=doubt)


def _ended(error: errors.MoongateError, reply: Reply | None, line: Line, *, doubt: bool) -> End:
    answered = reply is not None and not reply.ok
    written = result_line(line.custom_id, reply) if reply and answered else failed_line(line.custom_id, error)
    return End(line=written, kind=error.kind, status=reply.status if reply else 0, doubt=doubt)
