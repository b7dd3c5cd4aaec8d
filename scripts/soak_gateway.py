"""Soak the gateway: two workers under mixed load for a while, with everything that happens to it in a long life.

Plain and streamed calls, callers that leave in the middle, a new configuration every few seconds, workers killed. In
the end every answered call must be in the ledger, once, the balance must be what the ledger says, memory must have
stayed where it was, and nobody may have got anything but an answer or a clean refusal. Exit code 1 otherwise.

    SOAK_SECONDS=180 python scripts/soak_gateway.py
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ENDPOINT = Path(__file__).parents[1] / "benchmarks" / "endpoint.py"
THREADS = 12
GROWTH_MB = 10.0
RELOAD_S, KILL_S = 5.0, 20.0
MESSAGES = [{"role": "user", "content": "Say hello to the world."}]


def main() -> int:
    """Run and judge."""
    seconds = float(os.environ.get("SOAK_SECONDS", "1800"))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        endpoint = stack.enter_context(_process([sys.executable, str(ENDPOINT)]))
        port = int(endpoint.stdout.readline()) if endpoint.stdout is not None else 0
        table = folder / "config.toml"
        table.write_text("[gateway]\n")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MOONSHOT", "MOONGATE"))}
        env |= {name: str(folder) for name in ("HOME", "MOONGATE_DATA_DIR", "MOONGATE_CACHE_DIR")}
        env |= {"MOONSHOT_BASE_URL": f"http://127.0.0.1:{port}/v1", "MOONSHOT_API_KEY": "sk-endpoint"}
        program = [sys.executable, "-m", "moongate"]
        subprocess.run([*program, "accounts", "create", "me", "--balance", "100000"], env=env, check=True)
        key = json.loads(_said([*program, "keys", "create", "me", "--json"], env))["key"]
        serve = [
            *program,
            "serve",
            "-p",
            "moonshot",
            "--port",
            "0",
            "--workers",
            "2",
            "--json",
            "--config",
            str(table),
        ]
        noise = stack.enter_context((folder / "noise").open("w+"))
        gateway = stack.enter_context(_process(serve, env=env, stderr=noise))
        address = json.loads(gateway.stdout.readline())["base_url"] if gateway.stdout is not None else ""
        counts = _load(address.split("/")[2], key, gateway.pid, table, seconds)
        gateway.send_signal(signal.SIGTERM)
        code = gateway.wait(30)
        lines = _said([*program, "usage", "--gateway", "--calls", "--csv"], env).splitlines()[1:]
        accounts = json.loads(_said([*program, "accounts", "list", "--json"], env))["accounts"]
        noise.seek(0)
        return _judged(counts, lines, accounts, noise.read(), code)


@contextlib.contextmanager
def _process(command: list[str], **more: object):  # type: ignore[no-untyped-def]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()


def _said(command: list[str], env: dict[str, str]) -> str:
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def _load(address: str, key: str, pid: int, table: Path, seconds: float) -> Counter[str]:
    counts: Counter[str] = Counter()
    ends, memory = time.monotonic() + seconds, {}
    threads = [threading.Thread(target=_calls, args=(address, key, ends, counts, n)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    reload_at, kill_at = time.monotonic() + RELOAD_S, time.monotonic() + KILL_S
    while time.monotonic() < ends:
        time.sleep(0.5)
        if time.monotonic() > reload_at:
            reload_at += RELOAD_S
            table.write_text(f"[gateway]\nhosts = ['h{random.randrange(9)}.example']\n")  # noqa: S311
            os.kill(pid, signal.SIGHUP)
        if time.monotonic() > kill_at:
            kill_at += KILL_S
            with contextlib.suppress(ProcessLookupError):
                os.kill(min(_workers(pid)), signal.SIGKILL)
        for worker in _workers(pid):
            memory.setdefault(worker, []).append(_megabytes(worker))
    for thread in threads:
        thread.join()
    grown = [series[-1] - max(series[:20]) for series in memory.values() if len(series) > 40]
    counts["grown by at most MB"] = round(max(grown, default=0.0))
    return counts


def _calls(address: str, key: str, ends: float, counts: Counter[str], seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    while time.monotonic() < ends:
        stream, leaves = chance.random() < 0.5, chance.random() < 0.1
        body = json.dumps({"model": "kimi-k2.6", "messages": MESSAGES, "stream": stream, "max_tokens": 100})
        connection = http.client.HTTPConnection(address, timeout=30)
        try:
            connection.request("POST", "/v1/chat/completions", body, headers)
            if leaves:
                continue
            answer = connection.getresponse()
            text = answer.read()
            whole = not stream or text.endswith(b"data: [DONE]\n\n")
            counts["answered" if answer.status == 200 and whole else f"refused {answer.status}"] += 1
        except (OSError, http.client.HTTPException):
            counts["cut off"] += 1  # the worker was killed
        finally:
            connection.close()


def _workers(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _megabytes(pid: int) -> float:
    with contextlib.suppress(OSError):
        match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        return int(match[1]) / 1024 if match else 0.0
    return 0.0


def _judged(counts: Counter[str], lines: list[str], accounts: list[dict[str, str]], noise: str, code: int) -> int:
    settled = sum(",ok," in line for line in lines)
    print(dict(counts), f"in the ledger: {len(lines)} calls, {settled} of them ok", accounts)
    faults = []
    if settled < counts["answered"]:
        faults.append(f"{counts['answered'] - settled} answered calls are not in the ledger")
    if counts["grown by at most MB"] > GROWTH_MB:
        faults.append("memory grew")
    if "Traceback" in noise or code:
        faults.append(f"exit code {code}: {noise[-2000:]}")
    if any(name.startswith("refused 5") and name != "refused 503" for name in counts):
        faults.append("server errors")
    print("\n".join(faults) or "nothing wrong")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
