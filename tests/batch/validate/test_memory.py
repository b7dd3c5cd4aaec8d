"""A million lines, every id compared with every other one, in a real process: memory stays where it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LINES = 1_000_000
MEASURED = r"""
import re, sys
from pathlib import Path
from moongate.batch.validate import Checks, validate
from moongate.facts.models import Model
from moongate.facts.providers import built_in

class Listed:
    id, model = "kimi-k2.6", Model(id="kimi-k2.6")

faults = []
with open(sys.argv[1], "rb") as file:
    report = validate(file, Checks(row=built_in()["moonshot"], permit=lambda name: Listed()), on_fault=faults.append)
print(report.requests, [(fault.line, fault.kind) for fault in faults])
status = Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024)  # not ru_maxrss, which counts the parent too
"""


def test_a_million_lines(tmp_path: Path) -> None:
    body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 500}
    line = json.dumps({"custom_id": "ID", "method": "POST", "url": "/v1/chat/completions", "body": body}) + "\n"
    head, tail = line.split("ID")
    with (tmp_path / "in.jsonl").open("w") as file:
        file.writelines(f"{head}request-{number % (LINES - 1)}{tail}" for number in range(LINES))
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path / "in.jsonl")], capture_output=True, text=True, check=True
    )
    said, peak = ran.stdout.splitlines()
    (tmp_path / "in.jsonl").unlink()
    assert said == f"{LINES} [({LINES}, 'duplicate_id')]"
    assert int(peak) < 200, f"{peak} MB"
