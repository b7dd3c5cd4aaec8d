"""`moongate batch run` on the embedded model: a real model, a real process, the documented output lines.

A few lines here; `make soak` sets MOONGATE_LINES to two hundred.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moongate.engine.weights import SMOLLM2, pull

LINES = int(os.environ.get("MOONGATE_LINES", "6"))


def test_a_batch_file_runs_on_the_embedded_model(
    run: Callable[..., Any], env: dict[str, str], tmp_path: Path
) -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed (pip install 'moongate[local]'): no embedded model to test")
    cache = Path(os.environ["MOONGATE_TEST_CACHE"])
    for _ in pull(cache):
        pass
    with (tmp_path / "in.jsonl").open("w", encoding="utf-8") as file:
        for number in range(LINES):
            body = {
                "model": SMOLLM2.model_id,
                "max_tokens": 4,
                "messages": [{"role": "user", "content": f"Say {number}."}],
            }
            line = {"custom_id": f"q{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")
    here = env | {"MOONGATE_CACHE_DIR": str(cache)}
    ran = run(
        "batch",
        "run",
        "in.jsonl",
        "-o",
        "out.jsonl",
        "-p",
        "local",
        "--max-cost",
        "0",
        "--json",
        env=here,
        cwd=tmp_path,
        timeout_s=60 + 10 * LINES,
    )
    assert ran.returncode == 0, ran.stderr
    job = json.loads(ran.stdout)
    assert (job["status"], job["completed"], job["cost"]["amount"]) == ("completed", LINES, "0")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [line["custom_id"] for line in lines] == [f"q{number}" for number in range(LINES)]
    for line in lines:
        assert set(line) == {"id", "custom_id", "response", "error"} and line["error"] is None
        assert (
            set(line["response"]) == {"status_code", "request_id", "body"} and line["response"]["status_code"] == 200
        )
        assert line["response"]["body"]["choices"][0]["message"]["content"] is not None
        assert line["response"]["body"]["usage"]["completion_tokens"] <= 4
