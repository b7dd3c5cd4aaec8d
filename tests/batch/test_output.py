"""Where results go is looked at before anything is paid for; the input is never overwritten."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from moongate import Client, UsageError
from moongate.batch import Job
from moongate.batch.output import check_place, errors_of
from moongate.testing import MoonshotServer

Write = Callable[..., Path]


def test_the_input_is_never_overwritten(client: Client, server: MoonshotServer, write: Write, tmp_path: Path) -> None:
    path = write(3)
    (tmp_path / "link.jsonl").symlink_to(path)
    for output in (path, tmp_path / "link.jsonl"):
        with pytest.raises(UsageError, match="take the place of the input"):
            Job.run(client, path, output)
    failures = write(3, name="out.jsonl.errors.jsonl")
    with pytest.raises(UsageError, match="take the place of the input"):
        Job.run(client, failures, tmp_path / "out.jsonl")
    assert server.count("POST") == 0
    job = Job.run(client, path, tmp_path / "out.jsonl")
    list(job)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="take the place of the input"):
        job.results(path)
    assert path.read_bytes() == before and job.results(tmp_path / "again.jsonl") == 3


def test_a_place_that_cannot_be_written_is_found_before_anything_is_sent(
    client: Client, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        Job.run(client, write(3), tmp_path / "nowhere" / "out.jsonl")
    with pytest.raises(UsageError, match="cannot be written"):
        Job.run(client, write(3), tmp_path)
    assert server.count("POST") == 0


def test_pipes_and_devices_are_places_too() -> None:
    check_place(Path(os.devnull), None)
    assert errors_of(Path("out.jsonl")) == Path("out.jsonl.errors.jsonl")
