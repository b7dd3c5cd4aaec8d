"""`moongate batch run` and what shows and settles its jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from moongate.testing import MoonshotServer

Moongate = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A batch file of 30 lines, of which one is refused, in the working directory."""
    monkeypatch.setenv("MOONGATE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "in.jsonl").open("w", encoding="utf-8") as out:
        for number in range(30):
            body: dict[str, Any] = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": f"hi {number}"}]}
            body |= {"temperature": 0.1} if number == 4 else {}
            line = {"custom_id": f"q{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            out.write(json.dumps(line) + "\n")
    return tmp_path / "in.jsonl"


def test_a_run_writes_both_files_and_says_what_it_did(moongate: Moongate, server: MoonshotServer, file: Path) -> None:
    ran = moongate("batch", "run", "in.jsonl", "-o", "out.jsonl", "--rules", "pass")
    assert ran.code == 1 and "29 of 30 lines answered, 1 failed" in ran.err and "bad_request 1" in ran.err
    assert "cost: 0.00" in ran.err and ran.out.split()[1] == "completed"
    assert len(Path("out.jsonl").read_text().splitlines()) == 29
    assert json.loads(Path("out.jsonl.errors.jsonl").read_text())["custom_id"] == "q4"


def test_the_documents_of_a_job(moongate: Moongate, server: MoonshotServer, file: Path) -> None:
    ran = moongate("batch", "run", "in.jsonl", "-o", "out.jsonl", "--rules", "pass", "--json")
    job = ran.json
    assert {"job", "status", "provider", "batch_id", "total", "completed", "failed", "uncertain"} <= set(job)
    assert (job["total"], job["completed"], job["failed"], job["uncertain"]) == (30, 29, 1, 0)
    assert (
        Decimal(job["cost"]["amount"]) > 0
        and job["cost"]["currency"] == "USD"
        and job["errors"] == {"bad_request": 1}
    )
    assert moongate("batch", "status", job["job"], "--json").json == job
    assert moongate("batch", "list", "--json").json == {"jobs": [job]}
    assert job["job"] in moongate("batch", "list").out


def test_a_job_stopped_for_money_exits_with_3_and_goes_on(
    moongate: Moongate, server: MoonshotServer, file: Path
) -> None:
    server.accounts.default.voucher = server.accounts.default.cash = Decimal(0)
    ran = moongate("batch", "run", "in.jsonl", "-o", "out.jsonl", "--rules", "pass")
    assert ran.code == 3 and "money" in ran.err and "stopped:" in ran.err
    server.accounts.default.voucher = Decimal(1)
    assert moongate("batch", "run", "in.jsonl", "-o", "out.jsonl", "--rules", "pass", "--quiet").code == 1
    assert server.count("POST", "/chat/completions") > 30


def test_a_cap_stops_before_it_is_passed(moongate: Moongate, server: MoonshotServer, file: Path) -> None:
    ran = moongate("batch", "run", "in.jsonl", "-o", "out.jsonl", "--rules", "pass", "--max-cost", "0.0001", "--json")
    assert ran.code == 3 and ran.json["stopped"] == "budget" and server.count("POST", "/chat/completions") == 0


def test_a_retry_and_the_results_elsewhere(moongate: Moongate, server: MoonshotServer, file: Path) -> None:
    job = moongate("batch", "run", "in.jsonl", "-o", "out.jsonl", "--rules", "pass", "--json").json["job"]
    server.forget()
    assert moongate("batch", "retry", job).code == 1 and server.count("POST", "/chat/completions") == 1
    assert moongate("batch", "results", job, "-o", "again.jsonl").code == 0
    assert Path("again.jsonl").read_bytes() == Path("out.jsonl").read_bytes()


def test_wrong_input_is_exit_2(moongate: Moongate, server: MoonshotServer, file: Path) -> None:
    Path("bad.jsonl").write_text("{}\n")
    assert moongate("batch", "run", "bad.jsonl", "-o", "out.jsonl", "--rules", "pass").code == 2
    assert moongate("batch", "run", "none.jsonl", "-o", "out.jsonl", "--rules", "pass").code == 2
    assert moongate("batch", "status", "nothing").code == 2
    file.write_text(file.read_text().replace("kimi-k2.6", "kimi-k2-6"))
    assert moongate("batch", "run", "in.jsonl", "-o", "out.jsonl", "--rules", "pass").code == 1
    assert server.count("POST", "/chat/completions") == 0


def test_a_fault_in_any_line_is_found_before_anything_is_sent(
    moongate: Moongate, server: MoonshotServer, file: Path
) -> None:
    ran = moongate("batch", "run", "in.jsonl", "-o", "out.jsonl")
    assert ran.code == 2 and "line 5" in ran.err and "temperature" in ran.err
    assert moongate("batch", "submit", "in.jsonl").code == 2
    assert server.count("POST") == 0


def test_the_cycle_through_the_batch_api(moongate: Moongate, server: MoonshotServer, file: Path) -> None:
    server.batches.stage_s = 0.01
    file.write_text("".join(line for line in file.read_text().splitlines(True) if '"q4"' not in line))
    submitted = moongate("batch", "submit", "in.jsonl", "--json")
    job = submitted.json
    assert submitted.code == 0 and job["batch_id"] == server.batches.ids[0] and job["status"] == "validating"
    again = moongate("batch", "submit", "in.jsonl")
    assert again.code == 2 and "submitted already" in again.err and f"batch watch {job['job']}" in again.err
    watched = moongate("batch", "watch", job["job"], "--json")
    assert watched.code == 0 and watched.json["status"] == "completed" and watched.json["completed"] == 29
    ran = moongate("batch", "results", job["job"], "-o", "out.jsonl", "--clean")
    assert ran.code == 0 and "deleted 2 files" in ran.err
    assert len(Path("out.jsonl").read_text().splitlines()) == 29 and not server.files.of(server.accounts.default)


def test_a_cancelled_job_is_cancelled_at_the_provider(moongate: Moongate, server: MoonshotServer, file: Path) -> None:
    file.write_text("".join(line for line in file.read_text().splitlines(True) if '"q4"' not in line))
    job = moongate("batch", "submit", "in.jsonl", "--json").json["job"]
    server.batches.stage_s = 0.01
    server.batches.lines_per_step = 1
    ran = moongate("batch", "cancel", job, "--json")
    assert ran.code == 0 and ran.json["status"] == "cancelled" and server.count("POST", "/cancel") == 1
