"""A pinned alias works where an id does: command line, library, SDK and gateway, each a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx2
import pytest

LOCK = 'version = 1\n\n[aliases]\nbest = { moonshot = "kimi-k2.6" }\n'
MESSAGES = [{"role": "user", "content": "hi"}]
LIBRARY = """
import asyncio
import moongate
from moongate.openai import AsyncOpenAI, OpenAI

messages = [{"role": "user", "content": "hi"}]

async def later():
    async with moongate.AsyncClient("moonshot") as client:
        print((await client.chat(model="best", messages=messages)).asked_model)
    async with AsyncOpenAI() as sdk:
        print((await sdk.chat.completions.create(model="best", messages=messages)).model)

with moongate.Client("moonshot") as client:
    print("".join(chunk.content for chunk in client.stream(model="moonshot/best", messages=messages)))
with OpenAI() as sdk:
    print(sdk.chat.completions.create(model="best", messages=messages).model)
asyncio.run(later())
"""


@pytest.fixture
def project(home):
    """A folder below the home, with a lock in it."""
    (home / "project").mkdir()
    (home / "project" / "moongate.lock").write_text(LOCK)
    return home / "project"


def _sent(server) -> set[str]:
    return {json.loads(request.body)["model"] for request in server.requests if request.method == "POST"}


def test_on_the_command_line(run, named, server, project) -> None:
    assert run("chat", "hi", "-m", "best", env=named, cwd=project).stdout == "hi\n"
    assert _sent(server) == {"kimi-k2.6"}


def test_a_batch_file_goes_as_it_stands_so_its_alias_is_refused(run, named, server, project) -> None:
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}
    (project / "in.jsonl").write_text(json.dumps(line | {"body": {"model": "best", "messages": MESSAGES}}) + "\n")
    ran = run("batch", "run", "in.jsonl", "-o", "out.jsonl", env=named, cwd=project)
    assert ran.returncode == 1 and "'best' is not the listed id" in ran.stderr
    mended = run("batch", "validate", "in.jsonl", "--fix", "fixed.jsonl", env=named, cwd=project)
    assert (
        mended.returncode in (0, 2)
        and json.loads((project / "fixed.jsonl").read_text())["body"]["model"] == "kimi-k2.6"
    )
    assert server.count("POST") == 0


def test_in_the_library_and_in_the_sdk(named, server, project) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LIBRARY], env=named, cwd=project, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert _sent(server) == {"kimi-k2.6"} and server.count("POST") == 4


def test_in_the_gateway_which_lists_it(run, named, server, project) -> None:
    assert run("accounts", "create", "me", "--balance", "1", env=named).returncode == 0
    key = json.loads(run("keys", "create", "me", "--json", env=named).stdout)["key"]
    command = [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", "-p", "moonshot"]
    with subprocess.Popen(
        command, env=named, cwd=project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            base_url = json.loads(process.stdout.readline())["base_url"]
            with httpx2.Client(headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=30) as client:
                listed = {row["id"] for row in client.get(f"{base_url}/models").json()["data"]}
                body = {"model": "best", "messages": MESSAGES}
                answer = client.post(f"{base_url}/chat/completions", json=body)
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert answer.status_code == 200, answer.text
    assert {"best", "kimi-k2.6"} <= listed and _sent(server) == {"kimi-k2.6"}
