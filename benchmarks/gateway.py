"""What stands between a client and its endpoint costs: nginx, moongate, and the rivals that install, in one run.

Each is pinned to the first core; endpoint and load (wrk) to the last. Printed for plain and streamed calls over 1, 32
and 256 connections: requests a second, CPU a request (of the server's processes, from the kernel's own accounts),
latency added to the direct way at the median and the 99th percentile, memory. moongate runs with key check, guard,
metering and ledger on. Only ratios within one run count.

    python benchmarks/gateway.py [--seconds 4] [--rivals] [--flat 500000] [--idle 2000]

Needs nginx and wrk (Debian: apt-get install nginx-light wrk). `--rivals` installs LiteLLM's proxy from PyPI and
Portkey's gateway from npm into a cache folder; what cannot be installed is said to be absent.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("MOONGATE_BENCH_CACHE", Path(tempfile.gettempdir()) / "moongate-bench"))
LAST_CORE = (os.cpu_count() or 1) - 1
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Say hello to the world, and tell me what you can do for me today."},
]
CONNECTIONS = (1, 32, 256)
OURS = ("moongate", "nginx")


@dataclass(frozen=True)
class Way:
    """One way to the endpoint."""

    name: str
    port: int
    pid: int  # 0: the endpoint itself
    headers: dict[str, str]


@dataclass(frozen=True)
class Figures:
    """What one round of load showed."""

    requests: int
    per_second: float
    p50_us: float
    p99_us: float
    failed: int
    cpu_us: float


def pinned(core: int, command: list[str], **more: object) -> subprocess.Popen[str]:
    """Start a process on one core."""
    return subprocess.Popen(command, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core}), **more)  # type: ignore[call-overload,no-any-return]


def tree(pid: int) -> list[int]:
    """Return a process and everything below it."""
    below: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            below += [int(child) for child in (task / "children").read_text().split()]
    return [pid, *(each for child in below for each in tree(child))]


def cpu_ns(pid: int) -> int:
    """Return the time that a process and those below it spent on a core."""
    total = 0
    for each in tree(pid):
        for task in Path(f"/proc/{each}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total


def resident_kb(pid: int) -> int:
    """Return the resident memory of a process and those below it."""
    found = 0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{each}/status").read_text())
            found += int(match[1]) if match else 0
    return found


def body_of(*, stream: bool, **more: object) -> bytes:
    """Return the request of about 250 bytes that all get."""
    fields = {"model": "kimi-k2.6", "messages": MESSAGES, "max_tokens": 1000, **more}
    return json.dumps(fields | ({"stream": True} if stream else {}), separators=(",", ":")).encode()


def load(way: Way, folder: Path, *, stream: bool, connections: int, seconds: int) -> Figures:
    """Have wrk ask as fast as it can."""
    script = folder / "ask.lua"
    body = body_of(stream=stream).decode()
    lines = [f'wrk.headers["{name}"]="{value}"' for name, value in way.headers.items()]
    script.write_text("\n".join(['wrk.method="POST"', f"wrk.body='{body}'", *lines]))
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "60s",
        "--latency",
        "-s",
        str(script),
    ]
    before = cpu_ns(way.pid) if way.pid else 0
    ran = pinned(LAST_CORE, [*command, f"http://127.0.0.1:{way.port}/v1/chat/completions"], stdout=subprocess.PIPE)
    said, _ = ran.communicate()
    spent = (cpu_ns(way.pid) if way.pid else 0) - before
    requests = int(_found(r"(\d+) requests in", said) or 0)
    return Figures(
        requests=requests,
        per_second=float(_found(r"Requests/sec:\s+([\d.]+)", said) or 0),
        p50_us=_us(_found(r"50%\s+(\S+)", said)),
        p99_us=_us(_found(r"99%\s+(\S+)", said)),
        failed=int(_found(r"Non-2xx or 3xx responses: (\d+)", said) or 0),
        cpu_us=spent / 1000 / max(requests, 1),
    )


def _found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None


def _us(text: str | None) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text or "")
    return float(match[1]) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[match[2]] if match else float("nan")


def first_byte_us(way: Way, *, count: int = 200) -> float:
    """Return the median time from a request to the first byte of a stream's body, on one connection."""
    body = body_of(stream=True)
    lines = [f"{name}: {value}" for name, value in way.headers.items()]
    head = "\r\n".join(["POST /v1/chat/completions HTTP/1.1", "Host: 127.0.0.1", *lines]).encode()
    request = head + b"\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    times = []
    with socket.create_connection(("127.0.0.1", way.port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            begun = time.perf_counter()
            connection.sendall(request)
            data = b""
            while b"data: " not in data:
                data += _received(connection)
            times.append((time.perf_counter() - begun) * 1e6)
            while not data.endswith(b"0\r\n\r\n"):
                data += _received(connection)
    return statistics.median(times)


def _received(connection: socket.socket) -> bytes:
    if piece := connection.recv(65536):
        return piece
    raise ConnectionError("it closed the connection")


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """End a process at the end of the block."""
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        if process.poll() is None:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[str], *, within_s: float = 120) -> bool:
    """Wait until something listens; False when the process ended or it took too long."""
    end = time.monotonic() + within_s
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.1)
    return False


@contextlib.contextmanager
def nginx(endpoint: int, folder: Path) -> Iterator[Way | None]:
    """Run nginx with one worker that passes everything on."""
    if shutil.which("nginx") is None:
        print("nginx: absent (apt-get install nginx-light)")
        yield None
        return
    port, root = free_port(), folder / "nginx"
    root.mkdir()
    temporary = "".join(
        f"{kind}_temp_path {root}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (root / "nginx.conf").write_text(
        f"worker_processes 1; daemon off; pid {root}/pid; error_log {root}/error;\n"
        "events { worker_connections 8192; }\n"
        f"http {{ access_log off; keepalive_requests 100000000; {temporary}\n"
        f"upstream endpoint {{ server 127.0.0.1:{endpoint}; keepalive 512; keepalive_requests 100000000; }}\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://endpoint; proxy_http_version 1.1; "
        'proxy_set_header Connection ""; proxy_buffering off; } } }\n'
    )
    with ended(pinned(0, ["nginx", "-c", str(root / "nginx.conf")])) as process:
        yield Way("nginx", port, process.pid, _headers("x")) if wait_for(port, process) else None


@contextlib.contextmanager
def moongate(endpoint: int, folder: Path) -> Iterator[Way | None]:
    """Run moongate with one worker, an account and a key."""
    home = {name: str(folder / name) for name in ("HOME", "MOONGATE_DATA_DIR", "MOONGATE_CACHE_DIR")}
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MOONSHOT", "MOONGATE"))} | home
    program = [sys.executable, "-m", "moongate"]
    for arguments in (["accounts", "create", "me", "--balance", "100000"], ["keys", "create", "me", "--json"]):
        made = subprocess.run([*program, *arguments], env=env, check=True, capture_output=True, text=True).stdout
    upstream = {"MOONSHOT_BASE_URL": f"http://127.0.0.1:{endpoint}/v1", "MOONSHOT_API_KEY": "sk-endpoint"}
    port = free_port()
    command = [*program, "serve", "--port", str(port), "-p", "moonshot", "--quiet"]
    with ended(
        pinned(0, command, env=env | upstream, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ) as process:
        up = wait_for(port, process)
        time.sleep(1)
        yield Way("moongate", port, process.pid, _headers(json.loads(made)["key"])) if up else None


@contextlib.contextmanager
def litellm(endpoint: int, folder: Path) -> Iterator[Way | None]:
    """Run LiteLLM's proxy with a master key, from an environment of its own."""
    place = CACHE / "litellm"
    if not (place / "bin" / "litellm").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        install = [str(place / "bin" / "pip"), "install", "-q", "litellm[proxy]"]
        made = subprocess.run(install, capture_output=True, text=True)
        if made.returncode:
            print(f"LiteLLM: absent ({made.stderr.strip().splitlines()[-1:]})")
            yield None
            return
    model = {
        "model": "openai/kimi-k2.6",
        "api_base": f"http://127.0.0.1:{endpoint}/v1",
        "api_key": "sk-endpoint",
        "input_cost_per_token": 0.00000095,
        "output_cost_per_token": 0.000004,
    }
    config = {
        "model_list": [{"model_name": "kimi-k2.6", "litellm_params": model}],
        "general_settings": {"master_key": "sk-bench"},
    }
    (folder / "litellm.yaml").write_text(json.dumps(config))  # JSON is YAML
    port, env = free_port(), dict(os.environ) | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    command = [
        f"{place}/bin/litellm",
        "--config",
        str(folder / "litellm.yaml"),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with ended(pinned(0, command, env=env, **quiet)) as process:
        if not wait_for(port, process):
            print("LiteLLM: absent (it did not start)")
            yield None
        else:
            yield Way("LiteLLM", port, process.pid, _headers("sk-bench"))


@contextlib.contextmanager
def portkey(endpoint: int, folder: Path) -> Iterator[Way | None]:
    """Run Portkey's gateway, from a folder of its own."""
    place = CACHE / "portkey"
    script = place / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not script.exists() and shutil.which("npm"):
        place.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--prefix", str(place), "@portkey-ai/gateway"]
        subprocess.run(command, capture_output=True, text=True)
    if not script.exists():
        print("Portkey: absent (npm could not install it)")
        yield None
        return
    port = free_port()
    more = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{endpoint}/v1"}
    command = ["node", str(script), f"--port={port}", "--headless"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with ended(pinned(0, command, env=dict(os.environ) | {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}, **quiet)) as process:
        if not wait_for(port, process):
            print("Portkey: absent (it did not start)")
            yield None
        else:
            yield Way("Portkey", port, process.pid, _headers("sk-endpoint") | more)


def _headers(key: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}


def table(ways: list[Way], direct: Way, folder: Path, seconds: int) -> dict[tuple[str, bool, int], Figures]:
    """Print a line for each way, kind and number of connections."""
    names = f"{'':10} {'kind':6} {'conn.':>5} {'req/s':>8} {'CPU µs':>8} {'+p50 µs':>8} {'+p99 µs':>9}"
    print(f"{names} {'MB':>6} {'failed':>6}")
    found = {}
    for stream in (False, True):
        for connections in CONNECTIONS:
            floor = load(direct, folder, stream=stream, connections=connections, seconds=seconds)
            for way in ways:
                got = load(way, folder, stream=stream, connections=connections, seconds=seconds)
                found[way.name, stream, connections] = got
                kind = "stream" if stream else "plain"
                print(
                    f"{way.name:10} {kind:6} {connections:5} {got.per_second:8.0f} {got.cpu_us:8.1f} "
                    f"{got.p50_us - floor.p50_us:8.0f} {got.p99_us - floor.p99_us:9.0f} "
                    f"{resident_kb(way.pid) / 1024:6.1f} {got.failed:6}",
                    flush=True,
                )
    return found


def ratios(found: dict[tuple[str, bool, int], Figures], names: list[str]) -> None:
    """Print CPU a request against nginx's, and the rivals' against moongate's."""
    for stream in (False, True):
        for connections in CONNECTIONS:
            ours = found["moongate", stream, connections].cpu_us
            told = [f"{'stream' if stream else 'plain':6} {connections:4}:"]
            if ("nginx", stream, connections) in found:
                told.append(f"moongate = {ours / found['nginx', stream, connections].cpu_us:.2f} x nginx")
            told += [_against(name, found[name, stream, connections], ours) for name in names if name not in OURS]
            print("  ".join(told))


def _against(name: str, theirs: Figures, ours_us: float) -> str:
    if theirs.failed:
        return f"{name} failed {theirs.failed} of {theirs.requests}"
    return f"{name} = {theirs.cpu_us / ours_us:.0f} x moongate"


def flat(way: Way, folder: Path, requests: int) -> None:
    """Print how the memory of a way moves over many requests."""
    load(way, folder, stream=False, connections=32, seconds=5)
    begun, done = resident_kb(way.pid), 0
    most = begun
    while done < requests:
        done += load(way, folder, stream=False, connections=32, seconds=20).requests
        most = max(most, resident_kb(way.pid))
    now = resident_kb(way.pid) / 1024
    print(f"{way.name}: {begun / 1024:.1f} MB, after {done} requests {now:.1f}, most {most / 1024:.1f}")


def idle(way: Way, streams: int) -> None:
    """Print what a stream costs in memory that was begun and is silent."""
    body = body_of(stream=True, user="HOLD")
    lines = [f"{name}: {value}" for name, value in way.headers.items()]
    head = "\r\n".join(["POST /v1/chat/completions HTTP/1.1", "Host: 127.0.0.1", *lines]).encode()
    request = head + b"\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    before = resident_kb(way.pid)
    with contextlib.ExitStack() as stack:
        answered = 0
        for _ in range(streams):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", way.port), timeout=30))
            connection.sendall(request)
            answered += b" 200 " in connection.recv(65536)
        time.sleep(1)
        each = (resident_kb(way.pid) - before) / max(answered, 1)
        print(f"{way.name}: {answered} of {streams} silent streams held, {each:.1f} KB each")


def main() -> int:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seconds", type=int, default=4)
    asked.add_argument("--rivals", action="store_true")
    asked.add_argument("--flat", type=int, default=0, metavar="REQUESTS")
    asked.add_argument("--idle", type=int, default=0, metavar="STREAMS")
    options = asked.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is not installed: apt-get install wrk")
        return 2
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        command = [sys.executable, str(HERE / "endpoint.py")]
        endpoint = stack.enter_context(ended(pinned(LAST_CORE, command, stdout=subprocess.PIPE)))
        port = int(endpoint.stdout.readline()) if endpoint.stdout is not None else 0
        direct = Way("direct", port, 0, _headers("x"))
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=10).read()
        makers = [nginx, moongate, *([litellm, portkey] if options.rivals else [])]
        ways = [way for make in makers if (way := stack.enter_context(make(port, folder))) is not None]
        found = table(ways, direct, folder, options.seconds)
        ratios(found, [way.name for way in ways])
        floor = first_byte_us(direct)
        for way in ways:
            try:
                print(f"{way.name}: {first_byte_us(way) - floor:.0f} µs more to the first byte of a stream (median)")
            except OSError as error:
                print(f"{way.name}: no first byte of a stream to be had ({error})")
        (ours,) = [way for way in ways if way.name == "moongate"]
        if options.idle:
            idle(ours, options.idle)
        if options.flat:
            flat(ours, folder, options.flat)
    return 0


if __name__ == "__main__":
    sys.exit(main())
