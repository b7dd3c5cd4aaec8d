"""What the guarded SDK costs beside the plain one: processor time of chats over loopback, in one run.

The server runs in a process of its own, so that only the client's time counts. Blocks of calls alternate (plain,
guarded, plain, …); the ratio is the median over pairs. Bound: guarded under 1.08 × plain. Exit code 1 beyond it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai

from moongate.openai import OpenAI

BOUND = 1.08
PAIRS = 200
CALLS = 5
MESSAGES: Any = [{"role": "system", "content": "You are terse. " * 20}, {"role": "user", "content": "hello " * 100}]

SERVER = """
import sys
from moongate.testing import MoonshotServer
with MoonshotServer() as server:
    print(server.base_url, server.key, flush=True)
    sys.stdin.read()
"""


def main() -> int:
    """Print the table and return the exit code."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            if child.stdout is None:
                return 2
            base_url, key = child.stdout.readline().split()
            times = _measured(base_url, key)
        finally:
            child.communicate()
    print(f"{'':<8} {'ms a call':>9} {'ratio':>7} {'bound':>6}   (openai {openai.__version__})")
    print(f"{'plain':<8} {statistics.median(p for p, _ in times) * 1e3:9.3f}")
    ratio = statistics.median(g / p for p, g in times)
    print(f"{'guarded':<8} {statistics.median(g for _, g in times) * 1e3:9.3f} {ratio:7.3f} {BOUND:6.2f}")
    return 0 if ratio < BOUND else 1


def _measured(base_url: str, key: str) -> list[tuple[float, float]]:
    """Return (plain, guarded) processor seconds a call, pair by pair; who goes first alternates."""
    http = openai.DefaultHttpxClient(trust_env=False)
    with (
        openai.OpenAI(api_key=key, base_url=base_url, http_client=http) as plain,
        OpenAI("moonshot", api_key=key, base_url=base_url) as guarded,
    ):
        for client in (plain, guarded):
            _block(client)
        pairs = []
        for n in range(PAIRS):
            first, second = (plain, guarded) if n % 2 else (guarded, plain)
            a, b = _block(first), _block(second)
            pairs.append((a, b) if n % 2 else (b, a))
        return pairs


def _block(client: Any) -> float:
    create: Callable[..., Any] = client.chat.completions.create
    begun = time.process_time()
    for _ in range(CALLS):
        create(model="kimi-k2.6", messages=MESSAGES)
    return (time.process_time() - begun) / CALLS


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        import os

        os.environ["MOONGATE_CACHE_DIR"] = str(Path(folder) / "cache")
        sys.exit(main())
