"""Programs that people point at a gateway, run against a real one: models, chat, stream, tools, a refusal.

    python scripts/real_clients.py            each in an environment of its own, made for it
    python scripts/real_clients.py litellm    only those whose name begins so

Every program in scripts/clients prints what it saw as one JSON document; `EXPECTED` is what all of them must see.
Behind the gateway is the offline Moonshot server. Exit code: 0 when every client saw what was expected, else 1.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moongate.facts.money import Money
from moongate.gateway import serve
from moongate.settings.load import Flags, load, scrubbed
from moongate.testing import Answer, MoonshotServer, ToolCall

CLIENTS = Path(__file__).resolve().parent / "clients"
EXPECTED: Mapping[str, Any] = {
    "models": ["kimi-k2.6", "moonshot-v1-8k"],
    "chat": "hello",
    "stream": "hello again",
    "call": ["look", {"place": "outside"}],
    "tool": "there is rain",
    "refused": "kimi-k2.6",
    "batch": ["one", "two"],
    "file": ["a page", True, True],
}


@dataclass(frozen=True, kw_only=True)
class Client:
    """A program, and what has to be installed for it; nothing: it runs with what is here."""

    name: str
    program: str
    needs: tuple[str, ...] = ()
    runner: str = "python"


CLIENTS_IN_ENVIRONMENTS = (
    Client(name="openai 2", program="openai_sync.py", needs=("openai>=2.50,<3",)),
    Client(name="openai 2 asyncio", program="openai_async.py", needs=("openai>=2.50,<3",)),
    Client(name="openai 3", program="openai_sync.py", needs=("openai>=3,<4",)),
    Client(name="openai 3 asyncio", program="openai_async.py", needs=("openai>=3,<4",)),
    Client(name="llm", program="llm_cli.py", needs=("llm",)),
    Client(name="langchain", program="langchain.py", needs=("langchain-openai",)),
    Client(name="litellm", program="litellm_sdk.py", needs=("litellm",)),
)
CLIENTS_HERE = (
    Client(name="openai", program="openai_sync.py"),
    Client(name="openai asyncio", program="openai_async.py"),
    Client(name="curl", program="curl.py"),
    Client(name="fetch", program="fetch.mjs", runner="node"),
)


def main(wanted: str = "") -> int:
    """Run every client whose name begins so, tell what each saw, and return the exit code."""
    faults = 0
    with tempfile.TemporaryDirectory(prefix="moongate-clients-") as folder, gateway(Path(folder)) as served:
        for client in (*CLIENTS_IN_ENVIRONMENTS, *CLIENTS_HERE[2:]):
            if client.name.startswith(wanted):
                seen = run(client, served.env, python_for(client, Path(folder)))
                wrong = differences(seen)
                faults += bool(wrong)
                print(f"{client.name} ({seen.get('client', '?')}): {wrong or 'as expected'}", flush=True)
    return 1 if faults else 0


def speak(request: Mapping[str, Any]) -> Answer:
    """Answer as the model: call a tool that is offered, tell what it brought, echo otherwise."""
    last = request["messages"][-1]
    if last["role"] == "tool":
        return Answer(f"there is {last['content']}")
    if request.get("tools"):
        return Answer(tool_calls=(ToolCall(name="look", arguments={"place": "outside"}),))
    content = last["content"]
    return Answer(content if isinstance(content, str) else content[0]["text"])


@dataclass(frozen=True, kw_only=True)
class Served:
    """A gateway that listens, and the keys that open it."""

    base_url: str
    key: str
    admin_key: str

    @property
    def env(self) -> dict[str, str]:
        """The environment that leads a client to it."""
        return {"GATEWAY_URL": self.base_url, "GATEWAY_KEY": self.key, "NO_PROXY": "127.0.0.1"}


@contextlib.contextmanager
def gateway(folder: Path) -> Iterator[Served]:
    """Serve in this process."""
    with MoonshotServer(models=EXPECTED["models"], replies=speak) as upstream:
        kept = {f"MOONGATE_{kind.upper()}_DIR": str(folder / kind) for kind in ("cache", "config", "data")}
        said = {"MOONSHOT_BASE_URL": upstream.base_url, "MOONSHOT_API_KEY": upstream.key}
        config = folder / "gate.toml"
        config.write_text("[gateway]\nlog_content = true\n", "utf-8")
        settings = load(Flags(provider="moonshot", config=str(config)), env=scrubbed() | kept | said)
        with serve.running(settings) as running:
            running.desk.create_account("clients", Money.of(10, "USD"))
            _, secret = running.desk.create_key("clients")
            yield Served(base_url=running.base_url, key=secret, admin_key=running.desk.new_admin_key())


def python_for(client: Client, folder: Path) -> str:
    """Return the interpreter that has what a client needs; its environment is made once."""
    if not client.needs:
        return sys.executable
    place = folder / "-".join(client.needs).replace("/", "_")
    python = str(place / "bin" / "python")
    if not place.exists():
        venv.create(place, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *client.needs], check=True
        )
    return python


def run(client: Client, env: Mapping[str, str], python: str = sys.executable) -> dict[str, Any]:
    """Run a client and return what it saw; a client that fails saw its own error."""
    program = python if client.runner == "python" else shutil.which(client.runner) or client.runner
    command = [program, str(CLIENTS / client.program)]
    done = subprocess.run(
        command, env=scrubbed() | dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        return {"failed": done.stderr[-2000:]}
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def differences(seen: Mapping[str, Any]) -> list[str]:
    """Return what a client should have seen and did not; what it has no way to see is left out."""
    if "failed" in seen:
        return [str(seen["failed"])]
    wrong = [
        f"{name}: {seen[name]!r}, not {value!r}"
        for name, value in EXPECTED.items()
        if name in seen and seen[name] != value
    ]
    missing = {"chat", "stream", "tool", "refused"} - set(seen)
    pieces = [] if seen.get("pieces", 2) > 1 else ["the stream came in one piece"]
    return [*wrong, *(f"{name} is missing" for name in sorted(missing)), *pieces]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
