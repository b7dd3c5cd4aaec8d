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


def _batch(path, *models):
    path.write_text("".join(
        json.dumps({
            "custom_id": f"q{number}", "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": model, "messages": MESSAGES},
        }) + "\n"
        for number, model in enumerate(models)
    ))  # fmt: skip


def test_in_a_batch_file_that_is_run(run, named, server, project) -> None:
    _batch(project / "in.jsonl", "best", "kimi-k2.6", "best")
    assert run("batch", "validate", "in.jsonl", env=named, cwd=project).returncode == 0
    for _ in range(2):  # the second time it is found as it ended
        ran = run("batch", "run", "in.jsonl", "-o", "out.jsonl", env=named, cwd=project)
        assert ran.returncode == 0 and "note: 'best' is sent as 'kimi-k2.6' (pinned)" in ran.stderr, ran.stderr
        results = [json.loads(line) for line in (project / "out.jsonl").read_text().splitlines()]
        assert [result["custom_id"] for result in results] == ["q0", "q1", "q2"]
        assert _sent(server) == {"kimi-k2.6"} and server.count("POST") == 3
    _batch(project / "in.jsonl", "best")
    ran = run("batch", "run", "in.jsonl", "-o", "out.jsonl", env=named, cwd=project)
    assert ran.returncode == 2 and "has changed" in ran.stderr


def test_in_a_batch_file_that_is_submitted(run, named, server, project) -> None:
    _batch(project / "in.jsonl", "best", "best")
    ran = run("batch", "submit", "in.jsonl", env=named, cwd=project)
    assert ran.returncode == 0 and "note: 'best' is sent as 'kimi-k2.6' (pinned)" in ran.stderr, ran.stderr
    (uploaded,) = [request.body for request in server.requests if request.path.endswith("/files")]
    assert uploaded.count(b'"kimi-k2.6"') == 2 and b'"best"' not in uploaded


def test_a_batch_file_with_a_name_that_is_nobodys_is_refused(run, named, server, project) -> None:
    _batch(project / "in.jsonl", "better")
    ran = run("batch", "run", "in.jsonl", "-o", "out.jsonl", env=named, cwd=project)
    assert ran.returncode == 1 and "better" in ran.stderr
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
