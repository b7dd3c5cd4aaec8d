"""The raw batch API through both clients: the whole life of a batch, its files, and what is refused unsent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moongate import AsyncClient, Client
from moongate.errors import ModelRefusedError, NotOfferedError, ProviderError, StorageError, UsageError
from moongate.facts.batches import Batch
from moongate.testing import MoonshotServer

Serve = Callable[..., MoonshotServer]


class Face:
    """One method of `client.batches` or `client.files` at a time, through either client."""

    def __init__(self, server: MoonshotServer, *, aio: bool) -> None:
        self.server, self.aio = server, aio
        self.options: Any = {"provider": "moonshot", "base_url": server.base_url, "api_key": server.key}

    def __call__(self, part: str, method: str, *arguments: Any, **more: Any) -> Any:
        if self.aio:
            return asyncio.run(self._later(part, method, arguments, more))
        with Client(**self.options) as client:
            got = getattr(getattr(client, part), method)(*arguments, **more)
            return list(got) if method == "every" else got

    async def _later(self, part: str, method: str, arguments: Any, more: Any) -> Any:
        async with AsyncClient(**self.options) as client:
            got = getattr(getattr(client, part), method)(*arguments, **more)
            return [one async for one in got] if method == "every" else await got


@pytest.fixture(params=["sync", "aio"])
def face(request: pytest.FixtureRequest, serve: Serve) -> Face:
    return Face(serve(), aio=request.param == "aio")


def lines(*ids: str, model: str = "kimi-k2.6") -> bytes:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return b"".join(
        json.dumps({"custom_id": id_, "method": "POST", "url": "/v1/chat/completions", "body": body}).encode() + b"\n"
        for id_ in ids
    )


def made(face: Face, *ids: str, **more: Any) -> Batch:
    file = face("files", "upload", lines(*ids), purpose="batch", filename="in.jsonl")
    batch: Batch = face("batches", "create", file.id, **more)
    return batch


def test_the_whole_life_of_a_batch(face: Face, tmp_path: Path) -> None:
    face.server.batches.refuse["b"] = "overloaded"
    batch = made(face, "a", "b", "c", metadata={"job": "one"}, completion_window="3d")
    assert (batch.status, batch.ended, batch.metadata) == ("validating", False, {"job": "one"})
    face.server.batches.advance(steps=3)
    batch = face("batches", "retrieve", batch.id)
    assert (batch.status, batch.ended) == ("completed", True)
    assert (batch.counts.total, batch.counts.completed, batch.counts.failed) == (3, 2, 1)
    size = face("batches", "save", batch, tmp_path / "out.jsonl")
    written = (tmp_path / "out.jsonl").read_bytes()
    assert size == len(written)
    assert {json.loads(line)["custom_id"] for line in written.splitlines()} == {"a", "c"}
    face("batches", "save", batch, tmp_path / "errors.jsonl", which="errors")
    assert json.loads((tmp_path / "errors.jsonl").read_bytes())["custom_id"] == "b"
    assert {path.name for path in tmp_path.iterdir()} == {"home", "out.jsonl", "errors.jsonl"}


def test_pages_of_the_list(face: Face) -> None:
    ids = [made(face, "a").id for _ in range(5)]
    page = face("batches", "list", limit=2)
    assert [batch.id for batch in page.data] == ids[::-1][:2] and page.has_more
    assert [batch.id for batch in face("batches", "every", limit=2)] == ids[::-1]
    assert len(face("batches", "list", after=ids[1]).data) == 1


def test_cancelling(face: Face) -> None:
    batch = made(face, "a")
    assert face("batches", "cancel", batch.id).status == "cancelling"
    with pytest.raises(ProviderError):
        face("batches", "cancel", batch.id)
    with pytest.raises(ProviderError):
        face("batches", "retrieve", "batch-none")


def test_what_is_refused_before_anything_is_sent(face: Face) -> None:
    for more in (
        {"completion_window": "1h"},
        {"completion_window": "8d"},
        {"completion_window": "soon"},
        {"metadata": {str(number): "" for number in range(17)}},
        {"metadata": {"k" * 65: ""}},
        {"metadata": {"k": "v" * 513}},
        {"metadata": {"k": 1}},
    ):
        with pytest.raises(UsageError):
            face("batches", "create", "file-1", **more)
    for method in ("create", "retrieve", "cancel"):
        with pytest.raises(UsageError):
            face("batches", method, "")
    with pytest.raises(ModelRefusedError):
        face("files", "upload", lines("a", model="kimi-k2-6"), purpose="batch")
    assert face.server.count("POST", "/v1/batches") == face.server.count("POST", "/v1/files") == 0


def test_a_file_that_is_not_there(face: Face, tmp_path: Path) -> None:
    batch = made(face, "a")
    with pytest.raises(UsageError, match="when it has ended"):
        face("batches", "save", batch, tmp_path / "out")
    face.server.batches.expire(batch.id)  # before any line was answered: neither file
    with pytest.raises(UsageError, match="neither an output nor an error file"):
        face("batches", "save", face("batches", "retrieve", batch.id), tmp_path / "out")
    lost = made(face, "b")
    face.server.batches.lose_output = True
    face.server.batches.advance(lost.id, steps=3)
    (tmp_path / "out").write_text("what was there before")
    with pytest.raises(ProviderError):
        face("batches", "save", face("batches", "retrieve", lost.id), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "what was there before"
    with pytest.raises(UsageError, match="other file"):
        face("batches", "save", face("batches", "retrieve", lost.id), tmp_path / "out", which="errors")


def test_a_place_that_cannot_be_written(face: Face, tmp_path: Path) -> None:
    file = face("files", "upload", lines("a"), purpose="batch")
    with pytest.raises(StorageError):
        face("files", "save", file.id, tmp_path / "nowhere" / "out")
    assert face("files", "save", file.id, tmp_path / "out") == len(lines("a"))


def test_a_provider_without_batches(serve: Serve) -> None:
    server = serve(dialect="openrouter")
    with (
        Client("openrouter", base_url=server.base_url, api_key=server.key) as client,
        pytest.raises(NotOfferedError, match="no batch API"),
    ):
        client.batches.create("file-1")


def test_an_endpoint_that_repeats_its_page() -> None:
    from moongate.client.batches import Turning
    from moongate.facts.batches import Page

    page = Page(data=(Batch(id="b", status="completed", input_file_id="f", created_at=0),), has_more=True)
    turning = Turning()
    assert len(turning.turn(page)) == 1 and turning.more
    assert turning.turn(page) == () and not turning.more
