"""The fake's batches: created, moved through their stages, cancelled, listed.

A batch moves when a test calls `advance()`, or by the clock when `stage_s` is set. It never runs by itself.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from moongate.facts.batches import Status
from moongate.testing.accounts import Account
from moongate.testing.batchlines import ENDPOINT, Line, answered, validated
from moongate.testing.exchange import Received, Reply, refuse, reply_json
from moongate.testing.files import Files
from moongate.testing.inference import json_object, solvent
from moongate.testing.world import World

MOVING: tuple[Status, ...] = ("validating", "in_progress", "finalizing")
HOUR_S = 3600
WINDOW_MIN_S, WINDOW_MAX_S = 12 * HOUR_S, 7 * 24 * HOUR_S


@dataclass(kw_only=True)
class Batch:
    """One batch and how far it is."""

    id: str
    account: Account
    input_file_id: str
    completion_window: str
    created_at: int
    expires_at: int
    metadata: Mapping[str, str] | None = None
    status: Status = "validating"
    moved_at: float = 0.0  # when it entered its stage
    at: dict[str, int] = field(default_factory=dict)  # status → seconds since the epoch
    lines: tuple[Line, ...] = ()
    done: list[dict[str, Any]] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    output_file_id: str | None = None
    error_file_id: str | None = None
    reason: str | None = None  # why it failed; the API does not tell

    def shown(self) -> dict[str, Any]:
        """Return the BatchObject."""
        stamps = ("in_progress", "finalizing", "completed", "failed", "cancelling", "cancelled")
        counts = {"completed": len(self.done), "failed": len(self.broken), "total": len(self.lines)}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": ENDPOINT,
            "input_file_id": self.input_file_id,
            "completion_window": self.completion_window,
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            **{f"{stamp}_at": self.at.get(stamp) for stamp in stamps},
            "request_counts": counts,
            "metadata": self.metadata,
        }


class Batches:
    """Every batch there is, and the switches that a test may turn.

    stage_s         seconds by the server's clock that each stage lasts; None: only `advance()` moves batches
    lines_per_step  how many lines one step of in_progress answers; None: all
    refuse          custom_id → name of a row of errors.toml that the line fails with, such as "overloaded"
    lose_output     finished batches name an output file that is not there
    """

    def __init__(self, world: World, files: Files) -> None:
        self._world, self._files = world, files
        self._batches: dict[str, Batch] = {}
        self.stage_s: float | None = None
        self.lines_per_step: int | None = None
        self.refuse: dict[str, str] = {}
        self.lose_output = False

    def __getitem__(self, id_: str) -> Batch:
        return self._batches[id_]

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all batches, oldest first."""
        return tuple(self._batches)

    def advance(self, id_: str | None = None, *, steps: int = 1) -> None:
        """Move one batch, or all of them, forward by so many steps."""
        with self._world.lock:
            for batch in [self._batches[id_]] if id_ else list(self._batches.values()):
                for _ in range(steps):
                    self._step(batch)

    def fail(self, id_: str) -> None:
        """Let validation refuse a batch, whatever its lines say."""
        with self._world.lock:
            self._enter(self._batches[id_], "failed")

    def expire(self, id_: str) -> None:
        """Let a batch run out of time: what is finished is kept."""
        with self._world.lock:
            self._close(self._batches[id_], "expired")

    def _step(self, batch: Batch) -> None:
        if batch.status == "validating":
            self._validate(batch)
        elif batch.status == "in_progress":
            self._work(batch)
        elif batch.status == "finalizing":
            self._close(batch, "completed")
        elif batch.status == "cancelling":
            self._close(batch, "cancelled")

    def _validate(self, batch: Batch) -> None:
        found = [file for file in self._files.of(batch.account) if file.id == batch.input_file_id]
        content = found[0].content if found else b""  # deleted meanwhile: as good as empty
        batch.lines, batch.reason = validated(self._world, batch.account, content)
        self._enter(batch, "failed" if batch.reason else "in_progress")

    def _work(self, batch: Batch) -> None:
        finished = len(batch.done) + len(batch.broken)
        last = len(batch.lines) if self.lines_per_step is None else finished + self.lines_per_step
        for line in batch.lines[finished:last]:
            good, written = answered(self._world, batch.account, line, self.refuse.get(line["custom_id"]))
            (batch.done if good else batch.broken).append(written)
        if last >= len(batch.lines):
            self._enter(batch, "finalizing")

    def _close(self, batch: Batch, status: Status) -> None:
        batch.output_file_id = self._written(batch, batch.done, "output")
        batch.error_file_id = self._written(batch, batch.broken, "error")
        if self.lose_output and batch.output_file_id is not None:
            self._files.remove(batch.output_file_id)
        self._enter(batch, status)

    def _written(self, batch: Batch, lines: list[dict[str, Any]], kind: str) -> str | None:
        if not lines:
            return None
        ordered = lines if self._world.readings.batch_order == "input" else lines[::-1]
        content = b"".join(msgspec.json.encode(line) + b"\n" for line in ordered)
        name = f"{batch.id}_{kind}.jsonl"
        # the specification's FileObject knows four purposes; batch_output is one of the six of a later page
        purpose = "batch_output" if self._world.readings.purposes == "six" else "batch"
        stored = self._files.add(
            batch.account, filename=name, purpose=purpose, content=content, at=self._world.clock()
        )
        return stored.id

    def _enter(self, batch: Batch, status: Status) -> None:
        now = self._world.clock()
        batch.status, batch.moved_at = status, now
        batch.at[status] = int(now)

    def _look(self, batch: Batch) -> Batch:
        """Bring a batch up to the clock."""
        now = self._world.clock()
        while self.stage_s is not None and batch.status in (*MOVING, "cancelling"):
            if now - batch.moved_at < self.stage_s:
                break
            began = batch.moved_at
            self._step(batch)
            batch.moved_at = began + self.stage_s
        if batch.status in MOVING and now >= batch.expires_at:
            self._close(batch, "expired")
        return batch

    def create(self, world: World, request: Received) -> Reply:
        """Answer POST /batches."""
        account = world.caller(request)
        asked = json_object(request.body)
        seconds = _check(asked, account, self._files)
        solvent(world, account)
        now = world.clock()
        batch = Batch(
            id=f"batch-{secrets.token_hex(10)}",
            account=account,
            input_file_id=asked["input_file_id"],
            completion_window=asked["completion_window"],
            created_at=int(now),
            expires_at=int(now) + seconds,
            metadata=asked.get("metadata"),
            moved_at=now,
        )
        self._batches[batch.id] = batch
        return reply_json(batch.shown())

    def _own(self, account: Account, id_: str) -> Batch:
        batch = self._batches.get(id_)
        if batch is None or batch.account.org != account.org:
            raise refuse("batch_not_found", id=id_)
        return self._look(batch)

    def show(self, world: World, request: Received, id_: str) -> Reply:
        """Answer GET /batches/{id}."""
        return reply_json(self._own(world.caller(request), id_).shown())

    def cancel(self, world: World, request: Received, id_: str) -> Reply:
        """Answer POST /batches/{id}/cancel."""
        batch = self._own(world.caller(request), id_)
        if batch.status not in MOVING:
            raise refuse("batch_state", status=batch.status)
        self._enter(batch, "cancelling")
        return reply_json(batch.shown())

    def list(self, world: World, request: Received) -> Reply:
        """Answer GET /batches?after=&limit=, newest first (the order is not documented)."""
        account = world.caller(request)
        mine = [batch for batch in reversed(self._batches.values()) if batch.account.org == account.org]
        after, text = request.query.get("after"), request.query.get("limit", "20")
        if after:
            place = next((number for number, batch in enumerate(mine) if batch.id == after), len(mine))
            mine = mine[place + 1 :]
        limit = max(1, int(text)) if re.fullmatch(r"[0-9]{1,9}", text) else 20
        rows = [self._look(batch).shown() for batch in mine[:limit]]
        return reply_json({"object": "list", "data": rows, "has_more": len(mine) > limit})


def window_s(text: object) -> int | None:
    """Return the seconds of a completion window such as "12h", "1d" or "24h"; None when it is out of bounds."""
    found = re.fullmatch(r"([0-9]{1,4})([hd])", text) if isinstance(text, str) else None
    if found is None:
        return None
    seconds = int(found[1]) * (HOUR_S if found[2] == "h" else 24 * HOUR_S)
    return seconds if WINDOW_MIN_S <= seconds <= WINDOW_MAX_S else None


def _check(asked: Mapping[str, Any], account: Account, files: Files) -> int:
    """Return the length of the window in seconds; a request that cannot become a batch is refused."""
    seconds = window_s(asked.get("completion_window"))
    if asked.get("endpoint") != ENDPOINT:
        raise refuse("batch_endpoint")
    if seconds is None:
        raise refuse("batch_window")
    if not _good_metadata(asked.get("metadata")):
        raise refuse("batch_metadata")
    id_ = asked.get("input_file_id")
    owned = {file.id for file in files.of(account) if file.purpose == "batch"}
    if not isinstance(id_, str) or id_ not in owned:
        raise refuse("batch_file", id=id_)
    return seconds


def _good_metadata(metadata: object) -> bool:
    if metadata is None:
        return True
    if not isinstance(metadata, Mapping) or len(metadata) > 16:
        return False
    return all(isinstance(v, str) and len(k) <= 64 and len(v) <= 512 for k, v in metadata.items())
