"""Batches on the embedded model through `moongate serve`, by the official SDK, killed in the middle.

MOONGATE_BATCH_LINES says how many lines (`make soak` takes 200).
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import openai
import pytest

LINES = int(os.environ.get("MOONGATE_BATCH_LINES", "24"))
WITHIN_S = 60 + 3 * LINES
needs_model = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed: pip install 'moongate[local]'"
)


def written(path, model):
    """Write a batch file of LINES short questions."""
    with path.open("w") as file:
        for number in range(LINES):
            said = {"role": "user", "content": f"Say the number {number}."}
            body = {"model": model, "messages": [said], "max_tokens": 8}
            line = {"custom_id": f"n-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")
    return path


def started(env, *more):
    """Start `moongate serve` and return the process and an SDK client of it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", *more],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["base_url"]


def killed(process):
    """SIGKILL a gateway and everything that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)


def stopped(process):
    """End a gateway as an operator would."""
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    return process.returncode


def waited(sdk, id_, *, done=lambda batch: batch.status in ("completed", "failed", "expired", "cancelled")):
    """Wait until a batch is so far, and return it."""
    end = time.monotonic() + WITHIN_S
    while not done(batch := sdk.batches.retrieve(id_)):
        assert time.monotonic() < end, batch
        time.sleep(0.1)
    return batch


def checked(text):
    """Return the results by custom_id, each of the documented shape."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert set(line) == {"id", "custom_id", "response", "error"}
        assert set(line["response"]) == {"status_code", "request_id", "body"}
        assert (line["id"], line["response"]["status_code"], line["error"]) == (line["custom_id"], 200, None)
        body = line["response"]["body"]
        assert {"id", "object", "created", "model", "choices", "usage"} <= set(body)
        assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= set(body["usage"])
        assert body["choices"][0]["message"]["role"] == "assistant"
    assert [line["custom_id"] for line in lines] == [f"n-{number}" for number in range(LINES)]
    return lines


@pytest.fixture
def local(env):
    """The environment in which the embedded model serves."""
    return env | {"MOONGATE_CACHE_DIR": os.environ["MOONGATE_TEST_CACHE"]}


@pytest.fixture
def secret(run, env):
    """A key of an account with a thousand dollars, of the embedded model's fictional ones."""
    assert run("accounts", "create", "me", "--balance", "1000", env=env).returncode == 0
    return json.loads(run("keys", "create", "me", "--json", env=env).stdout)["key"]


@needs_model
def test_the_sdks_batch_on_the_embedded_model_survives_a_kill(run, env, local, secret, tmp_path) -> None:
    process, base_url = started(local)
    try:
        with openai.OpenAI(base_url=base_url, api_key=secret) as sdk:
            model = sdk.models.list().data[0].id
            path = written(tmp_path / "in.jsonl", model)
            file = sdk.files.create(file=path, purpose="batch")
            batch = sdk.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
            )
            assert batch.status == "validating"
            some = LINES // 4
            before = waited(sdk, batch.id, done=lambda b: b.request_counts.completed >= some)
            assert before.request_counts.completed < LINES
    finally:
        killed(process)
    process, base_url = started(local)
    try:
        with openai.OpenAI(base_url=base_url, api_key=secret) as sdk:
            ended = waited(sdk, batch.id)
            assert (ended.status, ended.metadata) == ("completed", {"a": "b"})
            counts = ended.request_counts
            assert (counts.total, counts.completed, counts.failed) == (LINES, LINES, 0)
            through = checked(sdk.files.content(ended.output_file_id).text)
            assert [listed.id for listed in sdk.batches.list(limit=1)] == [batch.id]
            assert sdk.files.retrieve(ended.output_file_id).purpose == "batch_output"
            assert sdk.files.delete(file.id).deleted
    finally:
        assert stopped(process) == 0
    rows = sum(row["calls"] for row in json.loads(run("usage", "--gateway", "--json", env=local).stdout)["usage"])
    assert LINES <= rows <= LINES + 4  # 4 lines are under way at once; those of the kill may be there twice
    output = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "moongate", "batch", "run", str(path), "-o", str(output), "-p", "local"]
    ran = subprocess.run(command, env=local, capture_output=True, text=True, timeout=WITHIN_S)
    assert ran.returncode == 0, ran.stderr
    direct = checked(output.read_text())
    assert [set(line["response"]["body"]) for line in through] == [
        set(d["response"]["body"]) - {"timings"} for d in direct
    ]
