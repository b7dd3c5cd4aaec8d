"""Validating a batch file against decoding each of its lines with msgspec alone; and the memory that many lines take.

Bounds: a 100 MB file of 1 KB lines, parameter rules on, at least half as fast; under 200 MB for any number of lines.
Both run in turn (A B A B …), each reading the file, and the median of the ratios of CPU time counts. `--lines N` says
how many lines the second file has (1,000,000; ten million take 1.7 GB of disk). Exit code 1 beyond a bound.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from moongate.batch.validate import Checks, validate
from moongate.catalog.live import Catalog
from moongate.client.guard import Guard
from moongate.facts.providers import built_in

BOUND, BOUND_MB = 2.0, 200
SIZE, LINE = 100 * 1000 * 1000, 1000  # bytes
PAIRS = 15
_TEXT = (
    'Summarise what follows in one sentence: the "harbour" was built in two stages.\nThe first one, begun in the '
    "spring, went well; of the second nobody knows who paid for it. Was it worth it? Some say so.\n"
)
_MEASURED = r"""
import re, sys, time
from pathlib import Path
from benchmarks.batch_validate import validated
begun = time.perf_counter()
report = validated(sys.argv[1])
seconds = time.perf_counter() - begun
status = Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])  # not ru_maxrss, which counts the parent too
print(report.requests, report.errors, peak // 1024, round(seconds, 1))
"""


def main() -> int:
    """Print both tables and return the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--lines", type=int, default=1_000_000)
    count = options.parse_args().lines
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batch.jsonl"
        ratio = _speed(path)
        peak = _memory(path, count)
    return 0 if ratio < BOUND and peak < BOUND_MB else 1


def validated(path: str | Path):  # type: ignore[no-untyped-def]
    """Validate a file against Moonshot's rules and a list of one model; return the report."""
    body = msgspec.json.encode({"data": [{"id": "kimi-k2.6", "context_length": 262144}]})
    row = built_in()["moonshot"]
    guard = Guard(row=row, catalog=Catalog(row, lambda: body))
    with Path(path).open("rb") as file:
        return validate(file, Checks(row=row, permit=guard.allow))


def _speed(path: Path) -> float:
    _write(path, _lines(SIZE // LINE, LINE))
    assert validated(path).ok  # noqa: S101
    pairs = [(_seconds(lambda: validated(path)), _seconds(lambda: _decoded(path))) for _ in range(PAIRS)]
    ratio = statistics.median(ours / floor for ours, floor in pairs)
    ours, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
    size = path.stat().st_size
    print(f"{size / 1e6:.0f} MB of {LINE} byte lines")
    print(f"  decoded by msgspec {floor:6.3f} s  {size / floor / 1e6:5.0f} MB/s")
    print(f"  validated          {ours:6.3f} s  {size / ours / 1e6:5.0f} MB/s  ratio {ratio:.2f} (bound {BOUND})")
    return ratio


def _memory(path: Path, count: int) -> int:
    _write(path, _lines(count, 0))
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(path)],
        cwd=Path(__file__).parent.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    requests, errors, peak, seconds = ran.stdout.split()
    print(f"{int(requests):,} short lines, every id compared: {errors} errors, {seconds} s, peak {peak} MB", end="")
    print(f" (bound {BOUND_MB})")
    return int(peak)


def _decoded(path: Path) -> None:
    decode = msgspec.json.decode
    with path.open("rb") as file:
        for line in file:
            decode(line)


def _seconds(call: Callable[[], object]) -> float:
    begun = time.process_time()  # both work in one thread: what others do on the machine is not counted
    call()
    return time.process_time() - begun


def _lines(count: int, size: int) -> Iterator[bytes]:
    """Yield requests of `size` bytes with an id each, as `json.dumps` writes them; short ones where that is 0."""
    head = b'", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "kimi-k2.6", "messages": ['
    head += b'{"role": "user", "content": '
    tail = b'}], "max_tokens": 1000}}\n'
    room = size - len(head) - len(tail) - 32
    text = _TEXT * (max(room, 0) // len(_TEXT) + 1)
    content = msgspec.json.encode(text[: room - text[:room].count('"') - text[:room].count("\n")] if size else "hi")
    for number in range(count):
        yield b'{"custom_id": "request-%09d' % number + head + content + tail


def _write(path: Path, lines: Iterator[bytes]) -> None:
    with path.open("wb", buffering=1 << 20) as file:
        while some := list(itertools.islice(lines, 10_000)):
            file.writelines(some)


if __name__ == "__main__":
    sys.exit(main())
