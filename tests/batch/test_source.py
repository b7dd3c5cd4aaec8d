"""What a job is made of: files that stay, files that are made, and every line checked."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from moongate import Client, UsageError
from moongate.batch import AsyncJob, Job, Recipe
from moongate.testing import MoonshotServer

Write = Callable[..., Path]


def test_rows_and_items_become_jobs_whose_lines_lie_in_their_folder(
    client: Client, server: MoonshotServer, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("custom_id,text\\na,one\\nb,two\\n".replace("\\n", "\n"), "utf-8")
    recipe = Recipe(model="kimi-k2.6", template="Say {text}.")
    job = Job.run(client, tmp_path / "rows.csv", tmp_path / "out.jsonl", recipe=recipe)
    assert list(job)[-1].completed == 2 and (job.folder / "input.jsonl").stat().st_mode & 0o077 == 0
    items = Job.run(client, ["one", "two", "three"], tmp_path / "items.jsonl", recipe=Recipe(model="kimi-k2.6"))
    assert list(items)[-1].completed == 3
    assert Job.run(
        client, ["one", "two", "three"], tmp_path / "items.jsonl", recipe=Recipe(model="kimi-k2.6")
    ).state.ended
    asked = [request.json()["messages"][0]["content"] for request in server.requests if request.method == "POST"]
    assert sorted(asked) == ["Say one.", "Say two.", "one", "three", "two"]
    assert not list((tmp_path / "data" / "batches").glob(".*"))
    with pytest.raises(UsageError, match="recipe"):
        Job.run(client, ["one"], tmp_path / "items.jsonl")


def test_a_packed_file_is_unpacked_into_the_jobs_folder(client: Client, server: MoonshotServer, write: Write) -> None:
    path = write(4)
    packed = path.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    job = asyncio.run(AsyncJob.submit(client, packed))
    assert (job.folder / "input.jsonl").read_bytes() == path.read_bytes() and job.state.tally.total == 4


@pytest.mark.parametrize("mode", ["run", "submit"])
def test_a_fault_in_any_line_is_told_with_its_line_and_leaves_nothing_behind(
    client: Client, server: MoonshotServer, write: Write, tmp_path: Path, mode: str
) -> None:
    path = write(5)
    path.write_text(path.read_text("utf-8").replace('"custom_id": "q3"', '"custom_id": "q1"'), "utf-8")
    made = Job.run if mode == "run" else Job.submit
    with pytest.raises(UsageError, match=r"line 4: its custom_id 'q1' is that of line 2 too"):
        made(client, path, *((tmp_path / "out.jsonl",) if mode == "run" else ()))
    assert not list((tmp_path / "data").glob("batches/*/journal.sqlite3")) and server.count("POST") == 0
