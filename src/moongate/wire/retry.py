"""When to send again, decided by a generator that does no IO.

`attempts(call)` yields `Send` and `Sleep` and is sent back what happened: a `Reply`, or the transport's error.
It returns the reply to use, or raises the error to report. What may have been charged is never sent twice: a chat is
repeated only when nothing was sent, or when the provider said that it did not take the call (429, not for money).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from moongate import errors
from moongate.facts.providers import Provider
from moongate.wire.calls import Call
from moongate.wire.replies import Reply, error_from


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How often, and how long, to try. Waits are in seconds."""

    tries: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0  # a provider that asks for more gets its error reported instead


@dataclass(frozen=True, kw_only=True)
class Send:
    """Exchange the call for a reply."""


@dataclass(frozen=True, kw_only=True)
class Sleep:
    """Wait."""

    seconds: float


Step = Send | Sleep
Attempts = Generator[Step, Reply | errors.MoongateError | None, Reply]


def attempts(
    call: Call[Any], row: Provider, *, policy: Policy, jitter: float = 0.5, secrets: tuple[str, ...] = ()
) -> Attempts:
    """Yield what to do next; return a good reply or raise the last error.

    `jitter` in 0…1 spreads the waits of many callers; it is an argument because randomness is the caller's.
    """
    for number in range(1, policy.tries + 1):
        outcome = yield Send()
        if isinstance(outcome, Reply) and outcome.ok:
            return outcome
        error, wait = _judge(outcome, call, row, policy, number, jitter, secrets)
        if wait is None or number == policy.tries:
            raise error
        yield Sleep(seconds=wait)
    raise AssertionError("tries is at least 1")


def _judge(
    outcome: Reply | errors.MoongateError | None,
    call: Call[Any],
    row: Provider,
    policy: Policy,
    number: int,
    jitter: float,
    secrets: tuple[str, ...],
) -> tuple[errors.MoongateError, float | None]:
    """Return the error of a failed try, and how long to wait before the next one, if one is allowed."""
    backoff = min(policy.first_wait_s * 2 ** (number - 1) * (0.5 + jitter), policy.longest_wait_s)
    if isinstance(outcome, errors.MoongateError):
        # Not a time-out, nor a body without end: of those once is enough.
        broken = isinstance(outcome, errors.UnreachableError)
        return outcome, backoff if broken and (call.repeatable or not outcome.sent) else None
    if outcome is None:
        raise TypeError("Send is answered with a Reply or an error")
    error = error_from(outcome, row, model=call.model, secrets=secrets)
    if not _again(error, call):
        return error, None
    wait = backoff if error.retry_after_s is None else error.retry_after_s
    return error, wait if wait <= policy.longest_wait_s else None


def _again(error: errors.MoongateError, call: Call[Any]) -> bool:
    """Say whether the answer allows to send the same again: where it was not taken, or where doing so costs nothing.

    What the provider itself says of it comes first (OpenRouter's `availability.retryable`: no host took the call).
    """
    if error.retryable is not None:
        return error.retryable
    if isinstance(error, errors.RateLimitedError):
        return error.scope != "tpd"
    return call.repeatable and isinstance(error, errors.ServerError | errors.TimedOutError)
