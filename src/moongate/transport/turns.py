"""Turns: an account's calls, held back for the limits that it was told, whichever clients of a process send them.

`wire.limits` decides; who waits sleeps in its own way, a thread or a task. What was told is kept by origin and key.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from moongate.errors import RateLimitedError
from moongate.facts.keys import Key
from moongate.facts.providers import Provider
from moongate.wire.limits import Pace, Wait, weight

log = logging.getLogger("moongate")

LOOK_AGAIN_S = 0.05  # while others' calls have to end first
ACCOUNTS = 256  # that are remembered
_one_at_a_time = threading.Lock()


class Turns:
    """One account's turns. For any thread and any event loop; every turn that was had is given back."""

    def __init__(self) -> None:
        self.pace = Pace()
        self._lock = threading.Lock()

    def pauses(self, title: str, body: bytes, model: str) -> Iterator[float]:
        """Yield how long to sleep, in seconds, until it is this call's turn; it is, once this ends by itself.

        Raises RateLimitedError, unsent, for a call that the provider said a moment ago to have no tokens for today.
        """
        since, told = time.monotonic(), False
        while (wait := self._enter(title, body, model, since)) is not None:
            if not told:
                log.warning("%s: waiting for the limit of %s", title, wait.why)
            told = True
            yield min(wait.seconds, LOOK_AGAIN_S) if wait.is_for_others else wait.seconds

    def over(self) -> None:
        """Give a turn back: its call has ended."""
        with self._lock:
            self.pace.leave()

    def learn(self, message: str, body: bytes, model: str) -> None:
        """Take in what a 429 said of a call."""
        with self._lock:
            self.pace.learn(message, time.monotonic(), weight(body, model))

    def _enter(self, title: str, body: bytes, model: str, since: float) -> Wait | None:
        limits = self.pace.limits
        tokens = weight(body, model) if limits.tpm or limits.tpd else 0
        with self._lock:
            now = time.monotonic()
            spent = self.pace.spent(now, tokens)
            if spent is None:
                return self.pace.enter(now, tokens, since=since)
        raise _no_more_today(title, spent.seconds)


def turns_of(row: Provider, key: Key | None) -> Turns:
    """Return the turns of an account: whoever calls this origin with this key shares them."""
    with _one_at_a_time:
        return _account(urlsplit(row.base_url)[:2], key.fingerprint if key else "")


@functools.lru_cache(maxsize=ACCOUNTS)
def _account(_origin: tuple[str, str], _fingerprint: str) -> Turns:
    return Turns()


def _no_more_today(title: str, seconds: float) -> RateLimitedError:
    error = RateLimitedError(
        f"{title} said a moment ago that today's tokens do not reach for a call this large, so it was not sent.",
        advice=f"One as large is sent again in {seconds:.0f} s to ask. A lower max_tokens counts for less.",
        retry_after_s=seconds,
        scope="tpd",
    )
    error.sent = False
    return error
