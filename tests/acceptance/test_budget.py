"""Money with several processes at once, and one of them killed: never one call more, never one less, none lost."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from moongate.facts.money import Money
from moongate.gateway.desk import Desk
from moongate.gateway.limits import Limits

SPENDER = Path(__file__).with_name("spender.py")
CALLS, COST = 400, 1_000_000


def usd(nano: int) -> Money:
    return Money(nano=nano, currency="USD")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path / "gateway.sqlite3") as desk:
        yield desk


@contextlib.contextmanager
def spending(desk: Desk, secret: str, *, worst: int, clients: int = 50) -> Iterator[subprocess.Popen[str]]:
    """Run a worker, and see to it that it ends."""
    numbers = (str(number) for number in (clients, worst, COST))
    command = [sys.executable, str(SPENDER), str(desk.path), secret, *numbers]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def begin(*processes: subprocess.Popen[str]) -> None:
    """Let workers begin as soon as all of them are there."""
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def answers(process: subprocess.Popen[str]) -> list[str]:
    """Return the request ids of a worker that came to its end by itself."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.split()


@pytest.mark.parametrize("worst", [COST, 7 * COST])
def test_a_balance_for_n_calls_gives_n_answers_to_a_hundred_clients_of_two_workers(desk: Desk, worst: int) -> None:
    desk.create_account("ada", usd(CALLS * COST))
    _, secret = desk.create_key("ada")
    with spending(desk, secret, worst=worst) as one, spending(desk, secret, worst=worst) as two:
        begin(one, two)
        got = [*answers(one), *answers(two)]
    assert len(got) == len(set(got)) == CALLS
    assert {line.request_id for line in desk.entries()} == set(got)
    assert desk.account("ada").balance == usd(0)


def test_a_budget_for_n_calls_gives_n_answers_and_the_balance_keeps_the_rest(desk: Desk) -> None:
    desk.create_account("ada", usd(10 * CALLS * COST))
    worst = 3 * COST
    budget = usd((CALLS - 1) * COST + worst)  # the last call too must find its worst case
    _, secret = desk.create_key("ada", "", Limits(budget_day=budget, budget_month=budget))
    with spending(desk, secret, worst=worst) as one, spending(desk, secret, worst=worst) as two:
        begin(one, two)
        got = [*answers(one), *answers(two)]
    assert len(got) == len(set(got)) == CALLS
    assert desk.account("ada").balance == usd(9 * CALLS * COST)


def test_a_killed_worker_loses_no_settled_call_and_keeps_nothing(desk: Desk) -> None:
    desk.create_account("ada", usd(CALLS * COST))
    _, secret = desk.create_key("ada")
    with spending(desk, secret, worst=COST) as one, spending(desk, secret, worst=COST) as two:
        assert one.stdout is not None
        begin(one, two)
        settled = [one.stdout.readline().strip() for _ in range(CALLS // 10)]
        one.kill()
        killed_at = time.monotonic()
        settled += one.stdout.read().split()
        others = answers(two)
        assert time.monotonic() - killed_at < 30
    lines = {line.request_id for line in desk.entries()}
    assert set(settled) | set(others) <= lines
    assert len(lines) == len(desk.entries()) == CALLS  # what was in flight was free again, for the other one
    assert desk.account("ada").balance == usd(0)
    assert list(desk.path.with_name("gateway-journals").iterdir()) == []


@pytest.mark.parametrize(
    ("on_full", "told", "lines"),
    [
        ("refuse", ["answered", "not answered", "not begun", "not begun", "answered"], 3),
        ("go_on", ["answered"] * 5, 5),
    ],
)
def test_a_full_disk_refuses_or_goes_on_and_loses_nothing_either_way(
    desk: Desk, on_full: str, told: list[str], lines: int
) -> None:
    desk.create_account("ada", usd(1000))
    _, secret = desk.create_key("ada")
    script = SPENDER.with_name("full_disk.py")
    ran = subprocess.run(
        [sys.executable, str(script), str(desk.path), secret, on_full], capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.splitlines() == told, ran.stderr
    assert "THE DISK DOES NOT TAKE" in ran.stderr
    assert "the disk takes the gateway's records again, nothing is lost" in ran.stderr
    assert len(desk.entries()) == lines
    assert desk.account("ada").balance == usd(1000 - 10 * lines)
    assert desk._connection.execute("SELECT count(*) FROM leases").fetchone()[0] == 0


def test_workers_killed_again_and_again_lose_nothing_and_pass_no_budget(desk: Desk) -> None:
    kills, calls = int(os.environ.get("MOONGATE_KILLS", "3")), 3000
    desk.create_account("ada", usd(calls * COST))
    _, free = desk.create_key("ada")
    limited, bound = desk.create_key("ada", "", Limits(budget_day=usd(calls * COST // 2), concurrency=30, rpm=10**6))
    told: list[str] = []
    with contextlib.ExitStack() as stack:

        def start(secret: str, worst: int) -> subprocess.Popen[str]:
            process = stack.enter_context(spending(desk, secret, worst=worst, clients=20))
            begin(process)
            thread = threading.Thread(target=lambda: told.extend(process.stdout or ()))
            stack.callback(thread.join)
            thread.start()
            return process

        for _ in range(kills):
            victim, *_ = start(bound, COST), start(free, 3 * COST)
            time.sleep(0.2)
            victim.kill()
        last = start(free, COST)
        assert last.wait(timeout=120) == 0
    with Desk(desk.path) as late:  # finds those that were killed last
        entries, usage = late.entries(), {row.group["key"]: row.cost_nano for row in late.used(("key",))}
        ids = {entry.request_id for entry in entries}
        assert {line.strip() for line in told} <= ids
        assert len(ids) == len(entries)
        assert sum(usage.values()) == sum(entry.cost_nano or 0 for entry in entries) == calls * COST
        assert usage.get(limited.id, 0) <= calls * COST // 2
        assert late.account("ada").balance == usd(0)
