"""Lines a second of `batch run` against a loopback server that answers in 50 ms, beside the ways people do it today.

All in one run, each client in a process of its own, at 256 calls in flight. The ceiling is concurrency ÷ latency, or
what bare connections reach (`bare`: the pool, no journal, no checks), where the machine is too busy for the ceiling.
moongate journals every line (FULL, group commit); the others keep nothing. `sdk` is the OpenAI cookbook's way:
asyncio and the official SDK with one task for each line. litellm is measured with --litellm, from a virtual
environment that is made for it in a cache folder (MOONGATE_BENCH_CACHE). Bound: moongate at 80 % of the ceiling or
more; exit code 1 below.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

CACHE = Path(os.environ.get("MOONGATE_BENCH_CACHE", Path(tempfile.gettempdir()) / "moongate-bench"))
LATENCY_S = 0.05
IN_FLIGHT = 256
BOUND = 0.8
PROMPT = "Answer in one word. " + "hello " * 100

SERVER = """
import asyncio, json, sys

BODY = json.dumps({"id": "chatcmpl-0123456789abcdef01234567", "object": "chat.completion", "created": 1795577616,
    "model": "kimi-k2.6", "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 40},
    "finish_reason": "stop"}], "usage": {"prompt_tokens": 120, "completion_tokens": 40,
    "total_tokens": 160}}).encode()
LIST = json.dumps({"object": "list", "data": [{"id": "kimi-k2.6", "object": "model", "owned_by": "moonshot",
    "context_length": 262144}]}).encode()
HEAD = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n%b"
CHAT, MODELS = HEAD % (len(BODY), BODY), HEAD % (len(LIST), LIST)

class One(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""
    def data_received(self, data):
        self.data += data
        head, found, rest = self.data.partition(b"\\r\\n\\r\\n")
        if not found:
            return
        size = 0
        for line in head.lower().split(b"\\r\\n"):
            if line.startswith(b"content-length:"):
                size = int(line[15:])
        if len(rest) < size:
            return
        self.data = rest[size:]
        if head.startswith(b"GET"):
            self.transport.write(MODELS)
        else:
            asyncio.get_running_loop().call_later(float(sys.argv[1]), self.transport.write, CHAT)

async def main():
    server = await asyncio.get_running_loop().create_server(One, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)

try:
    import uvloop
    uvloop.run(main())
except ImportError:
    asyncio.run(main())
"""

MOONGATE = """
import sys, time
from moongate import Client
from moongate.batch import Job
url, folder, in_flight = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = Client("moonshot", base_url=url, api_key="sk-bench")
job = Job.run(client, f"{folder}/in.jsonl", f"{folder}/out.jsonl", concurrency=in_flight, new=True)
begun, cpu = time.perf_counter(), time.process_time()
for progress in job:
    pass
assert progress.completed == progress.total, progress
print(progress.total, time.perf_counter() - begun, time.process_time() - cpu)
"""

BARE = """
import asyncio, sys, time
from moongate.facts.providers import at, built_in
from moongate.transport.network import Network
from moongate.transport.pool import Pool
url, folder, in_flight = sys.argv[1], sys.argv[2], int(sys.argv[3])

async def main():
    bodies = [line.partition(b'"body": ')[2].rstrip()[:-1] for line in open(f"{folder}/in.jsonl", "rb")]
    left, head = iter(bodies), b"content-type: application/json\\r\\n"
    async with Pool(at(built_in()["moonshot"], url), Network(max_connections=in_flight)) as pool:
        async def work():
            for body in left:
                reply = await pool.exchange(b"POST", b"/v1/chat/completions", head, body)
                assert reply.status == 200
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        print(len(bodies), time.perf_counter() - begun, time.process_time() - cpu)

asyncio.run(main())
"""

SDK = """
import asyncio, json, sys, time
import openai
url, folder, in_flight = sys.argv[1], sys.argv[2], int(sys.argv[3])

async def main():
    lines = [json.loads(line) for line in open(f"{folder}/in.jsonl")]
    room = asyncio.Semaphore(in_flight)
    limits, more = openai.DefaultAsyncHttpxClient(trust_env=False), {"max_retries": 0, "timeout": 300}
    async with openai.AsyncOpenAI(api_key="sk-bench", base_url=url, http_client=limits, **more) as client:
        async def one(line):
            async with room:
                answer = await client.chat.completions.create(**line["body"])
                out.write(json.dumps({"custom_id": line["custom_id"], "body": answer.model_dump()}) + "\\n")
        begun, cpu = time.perf_counter(), time.process_time()
        with open(f"{folder}/sdk.jsonl", "w") as out:
            await asyncio.gather(*(asyncio.create_task(one(line)) for line in lines))
        print(len(lines), time.perf_counter() - begun, time.process_time() - cpu)

asyncio.run(main())
"""

LITELLM = """
import asyncio, json, sys, time
import litellm
litellm.suppress_debug_info = True
url, folder, in_flight = sys.argv[1], sys.argv[2], int(sys.argv[3])

async def main():
    lines = [json.loads(line) for line in open(f"{folder}/in.jsonl")]
    room = asyncio.Semaphore(in_flight)
    async def one(line):
        async with room:
            body = {**line["body"], "model": "openai/" + line["body"]["model"]}
            answer = await litellm.acompletion(**body, api_base=url, api_key="sk-bench", num_retries=0)
            out.write(json.dumps({"custom_id": line["custom_id"], "body": answer.model_dump()}) + "\\n")
    begun, cpu = time.perf_counter(), time.process_time()
    with open(f"{folder}/litellm.jsonl", "w") as out:
        await asyncio.gather(*(asyncio.create_task(one(line)) for line in lines))
    print(len(lines), time.perf_counter() - begun, time.process_time() - cpu)

asyncio.run(main())
"""


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--litellm", action="store_true", help="install litellm in an environment of its own, and run it"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sides = {
            "bare": (sys.executable, BARE, options.lines),
            "moongate": (sys.executable, MOONGATE, options.lines),
            "sdk": (sys.executable, SDK, 2000),
        }
        if options.litellm and (python := _litellm()):
            sides["litellm"] = (python, LITELLM, 1000)
        ceiling = IN_FLIGHT / LATENCY_S
        print(f"{IN_FLIGHT} in flight, {LATENCY_S * 1e3:.0f} ms: at most {ceiling:.0f} lines a second")
        best: dict[str, float] = {}
        for _ in range(options.runs):
            for side, (python, code, lines) in sides.items():
                try:
                    rate, cpu_us = _measured(python, code, lines, folder)
                except subprocess.CalledProcessError as error:
                    print(f"{side:<9} gave up: {(error.stderr or '').strip().splitlines()[-1:]}")
                    continue
                best[side] = max(best.get(side, 0.0), rate)
                print(
                    f"{side:<9} {rate:8.0f} lines/s {rate / ceiling:6.1%} of the ceiling {cpu_us:6.0f} µs CPU a line"
                )
    for side in best:
        print(f"best of {options.runs}: {side:<9} {best[side]:8.0f} lines/s, {best[side] / ceiling:6.1%}")
    reached = best["moongate"] / min(ceiling, best["bare"])
    print(f"moongate reaches {reached:.1%} of what can be reached here; at least {BOUND:.0%} are asked for")
    return 0 if reached >= BOUND else 1


def _measured(python: str, code: str, lines: int, folder: Path) -> tuple[float, float]:
    """Return (lines a second, microseconds of processor time a line) of one client at a server of its own."""
    _write(folder / "in.jsonl", lines)
    env = {**os.environ, "MOONGATE_CACHE_DIR": str(folder / "cache"), "MOONGATE_DATA_DIR": str(folder / "data")}
    env |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(LATENCY_S)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        if server.stdout is None:
            raise RuntimeError("the server has no output")
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        try:
            told = subprocess.run(
                [python, "-c", code, url, str(folder), str(IN_FLIGHT)],
                check=True,
                capture_output=True,
                text=True,
                env=env,
            ).stdout.split()
        finally:
            server.communicate()
    count, seconds, cpu = int(told[-3]), float(told[-2]), float(told[-1])
    return count / seconds, cpu / count * 1e6


def _write(path: Path, lines: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": f"{number}: {PROMPT}"}]}
            line = {"custom_id": f"line-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")


def _litellm() -> str | None:
    """Return a Python that has litellm, None when it cannot be installed. Made once, then found again."""
    place = CACHE / "litellm-client"
    python = str(place / "bin" / "python")
    if Path(python).exists() and not subprocess.run([python, "-c", "import litellm"], capture_output=True).returncode:
        return python
    venv.create(place, with_pip=True)
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", "litellm"], capture_output=True)
    if done.returncode:
        print("litellm cannot be installed here, so it is left out")
        return None
    return python


if __name__ == "__main__":
    sys.exit(main())
