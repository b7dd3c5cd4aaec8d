"""The live list: how long it serves, fetched once for all, and what happens when it cannot be had."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moongate import errors as e
from moongate.catalog.live import Catalog, Freshness, Plan, plan
from moongate.facts.keys import Key
from moongate.facts.providers import at, built_in
from moongate.store.cache import ListCache
from moongate.testing import Fault, FixedClock, MoonshotServer
from moongate.transport.sync import Door
from moongate.wire import calls

NOW = 1_800_000_000.0
ROW = at(built_in()["moonshot"], "http://127.0.0.1:9/v1")
GOOD = b'{"data":[{"id":"kimi-k2.6"}]}'


@pytest.mark.parametrize(
    ("fetched", "attempted", "missing", "found"),
    [
        # ages in seconds; None is never
        (None, None, False, Plan.FETCH),
        (0, 0, False, Plan.USE),
        (479, 479, False, Plan.USE),
        (480, 480, False, Plan.USE_AND_REFRESH),
        (599, 599, False, Plan.USE_AND_REFRESH),
        (590, 5, False, Plan.USE),  # a refresh failed a moment ago
        (600, 600, False, Plan.FETCH),
        (29, 29, True, Plan.USE),
        (30, 30, True, Plan.FETCH),
        (500, 29, True, Plan.USE),
        (500, 31, True, Plan.FETCH),
        (3600, 29, False, Plan.STALE),
        (3600, 29, True, Plan.STALE),
        (3600, 30, False, Plan.FETCH),
        (86_399, 1, False, Plan.STALE),
        (86_400, 1, False, Plan.FETCH),
        (-10, -10, False, Plan.FETCH),  # a clock that was set back
    ],
)
def test_the_plan(fetched: float | None, attempted: float | None, missing: bool, found: Plan) -> None:
    def when(age: float | None) -> float:
        return 0.0 if age is None else NOW - age

    assert plan(
        now=NOW, fetched_at=when(fetched), attempted_at=when(attempted), missing=missing, rules=Freshness()
    ) is found  # fmt: skip


class Endpoint:
    """A list that answers what it is told to, and counts."""

    def __init__(self) -> None:
        self.answer: bytes | e.MoongateError = GOOD
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        if isinstance(self.answer, bytes):
            return self.answer
        raise self.answer


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def made(clock: FixedClock, endpoint: Endpoint, tmp_path: Path) -> Callable[[], Catalog]:
    """Make catalogs that share a disk, as processes do."""
    cache = ListCache(folder=tmp_path / "lists")
    return lambda: Catalog(ROW, endpoint, fingerprint="f", cache=cache, clock=clock, refresh_ahead=False)


DOWN, NO = e.ServerError("down"), e.AuthenticationError("no")


def test_a_list_serves_ten_minutes_then_is_fetched(
    made: Callable[[], Catalog], clock: FixedClock, endpoint: Endpoint
) -> None:
    catalog = made()
    for age, asked in ((0, 1), (599, 1), (1, 2), (599, 2)):
        clock.advance(age)
        assert catalog.listing().ids == ("kimi-k2.6",) and endpoint.asked == asked


def test_a_missing_id_refetches_once_in_thirty_seconds(
    made: Callable[[], Catalog], clock: FixedClock, endpoint: Endpoint
) -> None:
    catalog = made()
    catalog.listing()
    catalog.again()
    assert endpoint.asked == 1  # the list is from this moment
    clock.advance(30)
    endpoint.answer = b'{"data":[{"id":"kimi-k3"}]}'
    for _ in range(200):
        assert catalog.again().ids == ("kimi-k3",)
    assert endpoint.asked == 2 and made().again().ids == ("kimi-k3",) and endpoint.asked == 2


def test_the_last_good_list_serves_a_day_with_a_warning(
    made: Callable[[], Catalog], clock: FixedClock, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = made()
    catalog.listing()
    endpoint.answer = DOWN
    clock.advance(601)
    assert catalog.listing().unverified_since == NOW == catalog.listing().unverified_since
    assert endpoint.asked == 2 and "unverified since 2027-01-15T08:00:00Z" in caplog.text
    assert made().listing().unverified_since == NOW and endpoint.asked == 2  # told by the disk, to another process
    clock.advance(31)
    assert catalog.listing().unverified_since == NOW and endpoint.asked == 3
    assert caplog.text.count("unverified since") == 1
    clock.advance(86_400)
    with pytest.raises(e.ListUnavailableError, match="no id can be checked: down") as caught:
        catalog.listing()
    assert "Nothing was sent" in caught.value.advice and caught.value.exit_code == 4
    endpoint.answer = GOOD
    clock.advance(5)
    assert catalog.listing().unverified_since is None


def test_a_failure_seen_by_another_process_is_told_here_too(
    made: Callable[[], Catalog], clock: FixedClock, endpoint: Endpoint
) -> None:
    first, second = made(), made()
    assert first.listing().unverified_since is second.listing().unverified_since is None
    endpoint.answer = DOWN
    clock.advance(601)
    assert first.listing().unverified_since == NOW
    assert second.listing().unverified_since == NOW and endpoint.asked == 2


@pytest.mark.parametrize("refusal", [NO, e.UnknownRouteError("x"), e.PermissionDeniedError("x"), e.BaseUrlError("x")])
def test_a_plain_no_is_not_masked_by_a_stale_list(
    made: Callable[[], Catalog], clock: FixedClock, endpoint: Endpoint, refusal: e.MoongateError
) -> None:
    catalog = made()
    catalog.listing()
    endpoint.answer = refusal
    clock.advance(601)
    for wait in (0, 1, 10, 40):
        clock.advance(wait)
        with pytest.raises(type(refusal)):
            catalog.listing()
        assert catalog.at_hand() is None
        with pytest.raises(type(refusal)):
            made().listing()
    endpoint.answer = DOWN  # the last word that it said was no
    clock.advance(40)
    with pytest.raises(e.ListUnavailableError):
        catalog.listing()
    endpoint.answer = GOOD
    clock.advance(5)
    assert catalog.listing().ids == ("kimi-k2.6",)


def test_without_any_list_it_refuses_and_does_not_hammer(
    made: Callable[[], Catalog], clock: FixedClock, endpoint: Endpoint
) -> None:
    endpoint.answer = DOWN
    catalog = made()
    for _ in range(20):
        with pytest.raises(e.ListUnavailableError):
            catalog.listing()
    assert endpoint.asked == 1
    clock.advance(5)
    endpoint.answer = GOOD
    assert catalog.listing().ids and endpoint.asked == 2


def test_it_is_refreshed_ahead_off_the_hot_path(clock: FixedClock, tmp_path: Path) -> None:
    started, finish, asked = threading.Event(), threading.Event(), []

    def fetch() -> bytes:
        asked.append(1)
        if len(asked) > 1:
            started.set()
            finish.wait(10)
        return GOOD

    catalog = Catalog(ROW, fetch, cache=ListCache(folder=tmp_path), clock=clock)
    first = catalog.listing()
    clock.advance(481)
    assert catalog.listing() is first is catalog.listing()  # while the refresh runs
    assert started.wait(10)
    finish.set()
    for thread in threading.enumerate():
        if thread.name == "moongate-list":
            thread.join(10)
    assert len(asked) == 2 and catalog.listing().fetched_at == clock.now


def test_a_refresh_that_fails_costs_nothing(
    clock: FixedClock, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = Catalog(ROW, endpoint, clock=clock)
    catalog.listing()
    clock.advance(481)
    endpoint.answer = NO
    catalog.listing()
    for thread in threading.enumerate():
        if thread.name == "moongate-list":
            thread.join(10)
    assert catalog.listing().ids == ("kimi-k2.6",) and "ahead of time" in caplog.text


def test_what_was_denied_is_kept_as_evidence(
    made: Callable[[], Catalog], clock: FixedClock, endpoint: Endpoint
) -> None:
    catalog = made()
    catalog.listing()
    catalog.note_denied("kimi-k2.6")
    other = made()
    assert other.listing().unverified_since is None and other.denied_at("kimi-k2.6") == clock.now
    assert other.denied_at("kimi-k3") is None and endpoint.asked == 1
    clock.advance(Freshness().denied_s + 1)
    assert other.denied_at("kimi-k2.6") is None  # an account may be given what it lacked


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"version":1}', b"\x00" * 999])
def test_a_corrupt_entry_counts_as_absent(
    made: Callable[[], Catalog], endpoint: Endpoint, tmp_path: Path, content: bytes
) -> None:
    made().listing()
    (entry,) = (tmp_path / "lists").glob("*.json")
    entry.write_bytes(content)
    assert made().listing().ids == ("kimi-k2.6",) and endpoint.asked == 2
    assert made().listing().ids == ("kimi-k2.6",) and endpoint.asked == 2


def test_a_kept_body_that_is_no_list_counts_as_absent(
    made: Callable[[], Catalog], endpoint: Endpoint, tmp_path: Path
) -> None:
    made().listing()
    (path,) = (tmp_path / "lists").glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"body": "<html>"}))
    assert made().listing().ids == ("kimi-k2.6",) and endpoint.asked == 2


def test_a_cache_folder_that_is_a_file_costs_a_warning(
    endpoint: Endpoint, clock: FixedClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    catalog = Catalog(ROW, endpoint, cache=ListCache(folder=tmp_path / "file"), clock=clock)
    assert catalog.listing().ids == ("kimi-k2.6",)
    assert "cannot be written" in caplog.text and caplog.records[0].levelno == logging.WARNING


def test_fifty_threads_on_a_cold_cache_ask_once(moonshot_server: MoonshotServer, tmp_path: Path) -> None:
    moonshot_server.inject(Fault("slow", path="/models", seconds=0.2))
    row, key = at(built_in()["moonshot"], moonshot_server.base_url), Key(moonshot_server.key, source="test")
    with Door(row, key) as door:
        catalog = Catalog(
            row, lambda: door.call(calls.list_body(row, has_key=True)), cache=ListCache(folder=tmp_path / "c")
        )
        with ThreadPoolExecutor(50) as pool:
            listings = list(pool.map(lambda _: catalog.listing(), range(50)))
    assert len({id(listing) for listing in listings}) == 1 and moonshot_server.count("GET", "/v1/models") == 1


ASK = """
import sys, logging
logging.basicConfig(level=logging.WARNING, format="%(message)s")
import moongate
url, key, names = sys.argv[1], sys.stdin.read(), sys.argv[2:]
with moongate.Client("moonshot", base_url=url, api_key=key, long_lived=False) as client:
    for name in names:
        try:
            print(client.resolve(name).id)
            print(client.chat(model=name, messages=[{"role": "user", "content": "hi"}]).content)
        except moongate.ModelRefusedError as error:
            print(error.reason)
"""
FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
"""


def _process(server: MoonshotServer, *names: str, before: str = "") -> subprocess.Popen[str]:
    env = os.environ | ({"PYTHONDONTWRITEBYTECODE": "1"} if before else {})  # it would be kept, cut short
    child = subprocess.Popen(
        [sys.executable, "-c", before + ASK, server.base_url, *names],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.write(server.key)
    child.stdin.close()
    child.stdin = None
    return child


def test_processes_on_a_cold_cache_ask_once(moonshot_server: MoonshotServer) -> None:
    moonshot_server.inject(Fault("slow", path="/models", seconds=0.5))
    children = [_process(moonshot_server, "kimi-k2.6") for _ in range(4)]
    assert [child.communicate(timeout=60) for child in children] == [("kimi-k2.6\nhi\n", "")] * 4
    assert moonshot_server.count("GET", "/v1/models") == 1


def test_wrong_ids_in_many_processes_ask_at_most_once_more(moonshot_server: MoonshotServer) -> None:
    wrong = [f"kimi-{number}" for number in range(40)]
    for _ in range(5):
        out, _ = _process(moonshot_server, *wrong).communicate(timeout=60)
        assert len(out.splitlines()) == 80 and "None" in out
    assert moonshot_server.count("GET", "/v1/models") <= 2 and moonshot_server.count("POST") == 0


def test_a_full_disk_costs_a_warning(moonshot_server: MoonshotServer, empty_home: Path) -> None:
    out, err = _process(moonshot_server, "kimi-k2.6", before=FULL).communicate(timeout=60)
    assert out == "kimi-k2.6\nhi\n" and "cannot be written" in err and "Traceback" not in err
    assert not list((empty_home / "cache" / "lists").glob("*.json"))


def test_files_are_private(moonshot_server: MoonshotServer, empty_home: Path) -> None:
    out, err = _process(moonshot_server, "kimi-k2.6").communicate(timeout=60)
    assert (out, err) == ("kimi-k2.6\nhi\n", "")
    folder = empty_home / "cache" / "lists"
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes[""] == 0o700 and modes[".json"] == 0o600 and set(modes.values()) <= {0o600, 0o700}
    assert moonshot_server.key not in "".join(path.read_text() for path in folder.iterdir())


def test_a_list_that_hung_is_not_asked_for_again_at_once() -> None:
    now, asked = [1000.0], []

    def hang() -> bytes:
        asked.append(now[0])
        now[0] += 60.0
        raise e.UnavailableError("it did not answer in time")

    catalog = Catalog(built_in()["moonshot"], hang, clock=lambda: now[0])
    for _ in range(3):
        with pytest.raises(e.ListUnavailableError):
            catalog.listing()
    assert asked == [1000.0]
