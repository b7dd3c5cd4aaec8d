"""The live list of one endpoint: kept in memory and on disk, fetched once for all who ask at the same time.

`plan` decides, purely; `Catalog` obeys, with a lock for threads and a file lock for processes. It blocks: asyncio
callers run it in a thread, which keeps disk and locks off their loop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from moongate.errors import ListUnavailableError, MoongateError, StorageError, UnavailableError
from moongate.facts.models import Listing
from moongate.facts.moments import rfc3339
from moongate.facts.providers import Provider
from moongate.store.cache import Entry, ListCache
from moongate.wire.listing import listing_from

log = logging.getLogger("moongate")


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How long a list may serve. Seconds."""

    fresh_s: float = 600.0  # send without asking again
    ahead_s: float = 480.0  # from this age on a long-lived client refreshes in the background
    stale_s: float = 86_400.0  # serves with a warning while the live list cannot be had
    pause_s: float = 30.0  # at most one fetch for a missing id, and one after a failure, within this
    failed_s: float = 5.0  # a failure without any list is told again, not tried again, within this
    denied_s: float = 86_400.0  # that an id was answered "not permitted" is told for so long


class Plan(Enum):
    """What to do about a list of a certain age."""

    USE = auto()
    USE_AND_REFRESH = auto()
    FETCH = auto()
    STALE = auto()


def plan(*, now: float, fetched_at: float, attempted_at: float, missing: bool, rules: Freshness) -> Plan:
    """Return what to do, given when the list was fetched and last tried for (0: never), in seconds since the epoch.

    `missing` says that an id was looked for and not found. A time in the future counts as long ago.
    """
    age = _age(now, fetched_at)
    rested = _age(now, attempted_at) >= rules.pause_s
    if age < rules.fresh_s:
        if missing and rested:
            return Plan.FETCH
        return Plan.USE_AND_REFRESH if age >= rules.ahead_s and rested else Plan.USE
    return Plan.STALE if age < rules.stale_s and not rested and attempted_at > fetched_at else Plan.FETCH


def _age(now: float, then: float) -> float:
    return now - then if 0 < then <= now + 1 else float("inf")


class Catalog:
    """One endpoint's list for one key.

    `fetch` returns the body of `/models`, or raises; it brings its own time-out, since Moonshot's list has been seen
    to take tens of seconds. Thread-safe.
    """

    def __init__(
        self,
        row: Provider,
        fetch: Callable[[], bytes],
        *,
        fingerprint: str = "",
        cache: ListCache | None = None,
        rules: Freshness | None = None,
        clock: Callable[[], float] = time.time,
        refresh_ahead: bool = True,
        lock_timeout_s: float = 90.0,
    ) -> None:
        self.row = row
        self._fetch = fetch
        self._fingerprint = fingerprint
        self._cache = cache
        self._rules = rules or Freshness()
        self._clock = clock
        self._refresh_ahead = refresh_ahead
        self._lock_timeout_s = lock_timeout_s
        self._lock = threading.Lock()
        self._refreshing = threading.Event()
        self._listing: Listing | None = None
        self._failure: MoongateError | None = None
        self._attempted_at = 0.0
        self._denied: dict[str, float] = {}
        self._warned = False

    def listing(self) -> Listing:
        """Return the list, fetched if the one at hand is too old.

        Raises ListUnavailableError when there is none, AuthenticationError and its like when the endpoint says no.
        """
        at_hand = self.at_hand()
        return at_hand if at_hand is not None else self._settle(missing=False)

    def at_hand(self) -> Listing | None:
        """Return the list in memory while it is fresh, without touching disk or network."""
        listing = self._listing
        if listing is None:
            return None
        if 0 <= self._clock() - listing.fetched_at < self._rules.ahead_s:
            return listing  # as almost always: every request asks
        match self._plan(missing=False):
            case Plan.USE | Plan.STALE:
                return listing
            case Plan.USE_AND_REFRESH:
                self._refresh_in_background()
                return listing
            case _:
                return None

    def again(self) -> Listing:
        """Return the list after an id was not found in it: refetched, but at most once within the pause."""
        return self._settle(missing=True)

    def now(self) -> Listing:
        """Return the list as the endpoint sends it now, whatever is at hand; for those who verify."""
        with self._lock:
            self._look_on_disk()
            return self._fetched()

    def denied_at(self, model_id: str) -> float | None:
        """Return when a listed id was last answered "not found or not permitted", unless that is long ago.

        In seconds since the epoch.
        """
        at = self._denied.get(model_id)
        return at if at is not None and self._clock() - at < self._rules.denied_s else None

    def note_denied(self, model_id: str) -> None:
        """Keep as evidence that the endpoint lists an id and does not serve it to this key."""
        with self._lock:
            self._denied[model_id] = self._clock()
            self._keep(None, self._attempted_at)

    def _plan(self, *, missing: bool) -> Plan:
        """Return what to do; an old list does not stand in for a refusal, which is fetched or told again."""
        found = plan(
            now=self._clock(),
            fetched_at=self._listing.fetched_at if self._listing else 0.0,
            attempted_at=self._attempted_at,
            missing=missing,
            rules=self._rules,
        )
        return Plan.FETCH if found is Plan.STALE and self._failure is not None else found

    def _settle(self, *, missing: bool) -> Listing:
        """Look at memory, then at the disk, then ask the endpoint, each only if the one before does not do."""
        with self._lock:
            self._look_on_disk()
            if self._listing is not None and self._plan(missing=missing) is not Plan.FETCH:
                return self._listing
            if self._failure is not None and _age(self._clock(), self._attempted_at) < self._rules.failed_s:
                raise self._failure
            if self._cache is None:
                return self._fetched()
            with self._cache.alone(self.row.base_url, self._fingerprint, timeout_s=self._lock_timeout_s):
                self._look_on_disk()
                if self._listing is not None and self._plan(missing=missing) is not Plan.FETCH:
                    return self._listing
                return self._fetched()

    def _look_on_disk(self) -> None:
        entry = self._cache.read(self.row.base_url, self._fingerprint) if self._cache else None
        if entry is None:
            return
        self._attempted_at = max(self._attempted_at, entry.attempted_at)
        self._denied |= entry.denied
        if entry.body and (self._listing is None or entry.fetched_at > self._listing.fetched_at):
            try:
                self._take(
                    listing_from(entry.body.encode(), self.row, fetched_at=entry.fetched_at), entry.attempted_at
                )
            except MoongateError as error:  # a kept body that no longer reads as a list is as good as none
                log.debug("kept list ignored: %s", error)
        elif self._listing is not None:  # another process may have tried in vain since
            self._listing = _marked(self._listing, entry.attempted_at)

    def _take(self, listing: Listing, attempted_at: float) -> None:
        self._listing, self._failure = _marked(listing, attempted_at), None

    def _fetched(self) -> Listing:
        self._attempted_at = now = self._clock()
        try:
            body = self._fetch()
            listing = listing_from(body, self.row, fetched_at=now)
        except MoongateError as error:
            self._attempted_at = self._clock()  # a pause begins when a try ends: one that hung must not be repeated
            return self._failed(error, self._attempted_at)
        self._listing, self._failure, self._warned = listing, None, False
        self._keep(body, now)
        return listing

    def _failed(self, error: MoongateError, now: float) -> Listing:
        """Return the last good list, marked, if it is not too old and the endpoint did not plainly say no."""
        kept = self._listing
        if not isinstance(error, UnavailableError):
            self._failure = error
            raise error
        self._keep(None, now)
        if kept is None or self._failure is not None or _age(now, kept.fetched_at) >= self._rules.stale_s:
            self._failure = _unavailable(self.row, error)
            raise self._failure from error
        if not self._warned:
            when = rfc3339(kept.fetched_at)
            log.warning("%s: model list unverified since %s: %s", self.row.title, when, error.message)
            self._warned = True
        self._listing = replace(kept, unverified_since=kept.fetched_at)
        return self._listing

    def _keep(self, body: bytes | None, now: float) -> None:
        """Write what was learned to disk; a disk that refuses costs a warning, not the call."""
        if self._cache is None:
            return
        kept = self._cache.read(self.row.base_url, self._fingerprint)
        entry = Entry(
            base_url=self.row.base_url,
            fingerprint=self._fingerprint,
            fetched_at=now if body is not None else kept.fetched_at if kept else 0.0,
            attempted_at=now,
            body=body.decode("utf-8", "replace") if body is not None else kept.body if kept else "",
            denied=self._denied,
        )
        try:
            self._cache.write(entry)
        except StorageError as error:
            log.warning("%s", error)

    def _refresh_in_background(self) -> None:
        if not self._refresh_ahead or self._refreshing.is_set():
            return
        self._refreshing.set()
        threading.Thread(target=self._refresh, name="moongate-list", daemon=True).start()

    def _refresh(self) -> None:
        try:
            with self._lock:
                self._look_on_disk()  # another process may have refreshed it
                if self._plan(missing=False) is Plan.USE_AND_REFRESH:
                    self._fetched()
        except MoongateError as error:
            log.warning("%s: the model list could not be refreshed ahead of time: %s", self.row.title, error.message)
        finally:
            self._refreshing.clear()


def _marked(listing: Listing, attempted_at: float) -> Listing:
    """Return the list, marked as unverified when an attempt to fetch it anew was made later."""
    if listing.unverified_since is not None or attempted_at <= listing.fetched_at:
        return listing
    return replace(listing, unverified_since=listing.fetched_at)


def _unavailable(row: Provider, error: UnavailableError) -> ListUnavailableError:
    return ListUnavailableError(
        f"The model list of {row.title} cannot be had, so no id can be checked: {error.message}",
        advice=f"{error.advice} Nothing was sent.".strip(),
        status=error.status,
        provider_message=error.provider_message,
        request_id=error.request_id,
    )
